# SPDX-License-Identifier: Apache-2.0
"""Walk graphs at rest in files: arrays that processes map and share, in one folder for each snapshot."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from memwalk.walk._graph import Snapshot
from memwalk.walk._nodes import KINDS, NOBODY, NodeArrays
from memwalk.walk._rows import EDGE_TYPES, OPEN, UNIT, Rows
from memwalk.walk._words import Postings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FORMAT", "Manifest", "SnapshotFolder"]

FORMAT = 1
"""Of the files and of what is in them: to be raised when words, weights or classes come to be counted otherwise."""

_MANIFEST, _LOCK, _STAGED = "manifest.json", "lock", ".staged"
_ARRAYS = [
    *(f"nodes.{field}" for field in NodeArrays._fields),
    *(f"rows.{field}" for field in Rows._fields),
    *(f"words.{field}" for field in Postings._fields),
]
_VECTORS = "nodes.vectors"
_READ = {"nodes.kind", "nodes.policy", "nodes.space", "nodes.seq", "nodes.ends", "rows.before", "words.length"}
"""What a graph copies; the rest is mapped."""
_HEAD = 128
"""Bytes of the vectors that are in their checksum: how long they are. A wrong number elsewhere may lead out of an
array, one in a vector does not, and they are most of a snapshot."""

logger = logging.getLogger("memwalk.walk")


class Manifest(NamedTuple):
    """What a snapshot in files says of itself."""

    watermark: int
    change: str
    """Hash of the change of that number: it tells this history from another one with the same numbers."""
    classes: tuple[str, ...]
    spaces: tuple[str, ...]
    arrays: dict[str, list[int]]
    """Bytes and checksum of each."""


class SnapshotFolder:
    """Snapshots of one store's walk graph, each in a folder named by its watermark.

    One is staged beside the others, synced and renamed: a reader finds all of it or nothing. Files are never changed;
    whoever mapped one keeps it when it is deleted. Writers hold a lock, which the kernel releases when a process dies.

    Parameters
    ----------
    folder : Path
        Made for this user alone: vectors, ids and hashes of words are those of what others may not read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def locked(self, *, wait: bool = False) -> Iterator[bool]:
        """Be the only one who writes; yields False if another does and is not waited for.

        Raises
        ------
        OSError
        """
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(lock)

    def manifests(self) -> list[Manifest]:
        """Those of the snapshots there are, newest first; what cannot be used is deleted.

        Raises
        ------
        OSError
        """
        try:
            numbers = sorted((int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()), reverse=True)
        except FileNotFoundError:
            return []
        found = [(number, self._manifest(number)) for number in numbers]
        for number in [number for number, manifest in found if manifest is None]:
            self.delete(number)
        return [manifest for _, manifest in found if manifest is not None]

    def load(self, manifest: Manifest) -> Snapshot | None:
        """Map a snapshot, copy on write; one that is damaged is deleted.

        Returns
        -------
        Snapshot or None
            None too if another process has deleted it meanwhile.

        Raises
        ------
        OSError
        """
        folder = self.folder / str(manifest.watermark)
        try:
            arrays = {name: _load(folder / f"{name}.npy", name, manifest) for name in _ARRAYS}
        except FileNotFoundError:
            return None
        except ValueError as error:
            logger.warning("the walk graph in %s is damaged and is deleted: %s", folder, error)
            self.delete(manifest.watermark)
            return None
        return Snapshot(
            manifest.watermark,
            manifest.classes,
            manifest.spaces,
            NodeArrays(*(arrays[f"nodes.{field}"] for field in NodeArrays._fields)),
            Rows(*(arrays[f"rows.{field}"] for field in Rows._fields)),
            Postings(*(arrays[f"words.{field}"] for field in Postings._fields)),
        )

    def save(self, snapshot: Snapshot, change: str) -> Manifest:
        """Write a snapshot, whole and durable; the lock is held.

        Parameters
        ----------
        snapshot : Snapshot
        change : str
            Hash of the change at its watermark.

        Raises
        ------
        OSError
            Nothing was written.
        """
        snapshot = _without_unused_classes(snapshot)
        staged, target = self.folder / _STAGED, self.folder / str(snapshot.watermark)
        _remove(staged)  # of a writer that was killed
        try:
            staged.mkdir(mode=0o700)
            arrays = {}
            for name in _ARRAYS:
                part, field = name.split(".")
                path = staged / f"{name}.npy"
                with path.open("xb") as file:
                    np.save(file, getattr(getattr(snapshot, part), field), allow_pickle=False)
                    file.flush()
                    os.fsync(file.fileno())
                arrays[name] = [path.stat().st_size, _checksum(path, name)]
            manifest = Manifest(snapshot.watermark, change, snapshot.classes, snapshot.spaces, arrays)
            with (staged / _MANIFEST).open("x", encoding="utf-8") as file:
                file.write(_written(manifest))
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(staged)
            staged.rename(target)
        except OSError:
            _remove(staged, ignore_errors=True)
            raise
        _sync_folder(self.folder)
        return manifest

    def delete(self, watermark: int) -> None:
        """Delete a snapshot; whoever mapped it keeps it.

        Raises
        ------
        OSError
        """
        folder = self.folder / str(watermark)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (folder / _MANIFEST).unlink()  # first: what is half deleted is none
        _remove(folder)

    def clear(self) -> None:
        """Delete all that any process wrote, once it has been written.

        Raises
        ------
        OSError
        """
        if not self.folder.exists():
            return
        with self.locked(wait=True):
            for path in self.folder.iterdir():
                if path.name != _LOCK:
                    _remove(path)
            _sync_folder(self.folder)

    def _manifest(self, watermark: int) -> Manifest | None:
        path = self.folder / str(watermark) / _MANIFEST
        try:
            return _parsed(path.read_text(encoding="utf-8"), watermark)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("%s is not of a walk graph that this memwalk reads, it is deleted: %r", path, error)
            return None


def _written(manifest: Manifest) -> str:
    body = {"format": FORMAT, "kinds": KINDS, "edges": EDGE_TYPES, "unit": UNIT, **manifest._asdict()}
    return json.dumps({**body, "checksum": zlib.crc32(_canonical(body))}, sort_keys=True, indent=1) + "\n"


def _parsed(text: str, watermark: int) -> Manifest:
    """What `_written` wrote of this watermark; anything else is a ValueError, TypeError or KeyError."""
    body: dict[str, Any] = dict(json.loads(text))
    if body.pop("checksum") != zlib.crc32(_canonical(body)):
        raise ValueError("it was changed")
    form = body["format"], body["kinds"], body["edges"], body["unit"]
    if form != (FORMAT, list(KINDS), list(EDGE_TYPES), UNIT) or body["watermark"] != watermark:
        raise ValueError("another format")
    return Manifest(watermark, body["change"], tuple(body["classes"]), tuple(body["spaces"]), body["arrays"])


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True).encode()


def _load(path: Path, name: str, manifest: Manifest) -> NDArray[Any]:
    size, checksum = manifest.arrays[name]
    if path.stat().st_size != size or _checksum(path, name) != checksum:
        raise ValueError(f"{path.name} is not as it was written")
    mapped = np.load(path, mmap_mode=None if name in _READ else "c", allow_pickle=False)
    return np.asarray(mapped)  # a plain array over the same pages: the kernels are compiled for these


def _checksum(path: Path, name: str) -> int:
    found = 0
    with path.open("rb") as file:
        if name == _VECTORS:
            return zlib.crc32(file.read(_HEAD))
        while data := file.read(1 << 20):
            found = zlib.crc32(data, found)
    return found


def _without_unused_classes(snapshot: Snapshot) -> Snapshot:
    """The same without the policy classes that nothing is in: their keys may name units that are no more."""
    nodes, rows = snapshot.nodes, snapshot.rows
    used = np.zeros(len(snapshot.classes), dtype=bool)
    for numbers in ([OPEN, NOBODY], nodes.policy, rows.policy):
        used[numbers] = True
    if used.all():
        return snapshot
    renumbered = (np.cumsum(used) - 1).astype(np.int32)  # the order stays, and with it that of the segments
    nodes = nodes._replace(policy=renumbered[nodes.policy])
    rows = rows._replace(policy=renumbered[rows.policy])
    classes = tuple(key for key, is_used in zip(snapshot.classes, used.tolist(), strict=True) if is_used)
    return Snapshot(snapshot.watermark, classes, snapshot.spaces, nodes, rows, snapshot.words)


def _remove(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a folder or a file, whoever else is about it."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        if path.exists():  # another one removed something in it
            _remove(path, ignore_errors=ignore_errors)
    except NotADirectoryError:
        path.unlink(missing_ok=True)
    except OSError:
        if not ignore_errors:
            raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems do not sync folders
            raise
    finally:
        os.close(descriptor)
