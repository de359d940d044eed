# SPDX-License-Identifier: Apache-2.0
"""Putting another graph in the place of the one there is, so that a kill at any moment leaves one of them whole.

The new one is made ready in ``neo4j/next.part``, a data directory like any other. Renaming that to ``neo4j/next``
decides: from then on whoever finds it finishes, folder by folder; the old ones go to ``neo4j/old`` and then away.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.store.server._files import Files, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BESIDE", "commit", "settle", "staging"]

BESIDE = ("payloads", "audit")
"""Folders of a data directory that are put in place with the graph, if the new one has them."""
_OF_NEO4J = ("data", "password", "version")


def staging(files: Files) -> Path:
    """The data directory in which the new graph is made ready."""
    return files.home / "next.part"


def commit(files: Files) -> None:
    """With neither server running: put what is made ready in place.

    Raises
    ------
    StorageFull, ConfigurationError
    """
    with storage_errors(files.home):
        _sync_tree(staging(files))
        staging(files).rename(_decided(files))
        _sync(files.home)
    settle(files)


def settle(files: Files) -> None:
    """With no server running: finish what was decided, and clear away what was not.

    Raises
    ------
    StorageFull, ConfigurationError
    """
    old = files.home / "old"
    with storage_errors(files.home):
        if _decided(files).exists():
            old.mkdir(mode=0o700, exist_ok=True)
            for source, target in _moves(files):
                _put(source, target, old)
            _sync(files.home)
            _sync(files.home.parent)
        for folder in (_decided(files), old, staging(files)):
            if folder.exists():
                shutil.rmtree(folder)


def _decided(files: Files) -> Path:
    return files.home / "next"


def _moves(files: Files) -> Iterator[tuple[Path, Path]]:
    """From where to where; what was moved already is left out."""
    new = Files(_decided(files) / "neo4j")
    pairs = [(new.home / name, files.home / name) for name in _OF_NEO4J]
    pairs += [(new.home.parent / name, files.home.parent / name) for name in BESIDE]
    return ((source, target) for source, target in pairs if source.exists())


def _put(source: Path, target: Path, old: Path) -> None:
    while True:
        if os.path.lexists(target):
            target.rename(_unused(old / target.name))
        try:
            source.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        else:
            return  # else a reader that logs its read was quicker to make the folder


def _unused(path: Path) -> Path:
    count = 0
    while os.path.lexists(candidate := path.with_name(f"{path.name}.{count}")):
        count += 1
    return candidate


def _sync_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                _sync(path)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
