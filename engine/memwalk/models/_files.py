# SPDX-License-Identifier: Apache-2.0
"""Files of a model: which belong to it, their sha256, and what was recorded about them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memwalk.models._catalog import Role
    from memwalk.progress import Progress

__all__ = [
    "FileSum",
    "Record",
    "measure",
    "missing_part",
    "model_files",
    "patterns",
    "storage_errors",
    "write_atomically",
]

FORMAT = 1
BLOCK = 1 << 20

_TEXT = ("*.json", "*.txt", "*.model", "*.jinja")
_SKIPPED = ("onnx/*", "openvino/*", "original/*", "*/onnx/*", "*/openvino/*", "*/original/*")


@dataclass(frozen=True, slots=True)
class FileSum:
    """The sha256 of a file, and the size and time under which it was computed."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Record:
    """Where a model was resolved from, kept as JSON in memwalk's model cache.

    Attributes
    ----------
    source
        ``folder`` (the user's own), ``installed`` (a Python package), ``hub`` or ``package``.
    origin
        The exact source: a path, ``repository@commit``, ``package==version``.
    folder
        Where the files lie; a relative path is relative to the record.
    files
        Sums by path in `folder`. For a ``package`` the fetched ones are pinned by memwalk; all others are
        those of the first use.
    """

    role: Role
    name: str
    source: str
    origin: str
    folder: str
    licence: str
    files: Mapping[str, FileSum]
    format: int = FORMAT

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Read a record; None if there is none, or one of another format."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            return None
        return cls(**{**values, "files": {name: FileSum(**s) for name, s in values["files"].items()}})

    def write(self, path: Path) -> None:
        """Write the record in one step."""
        write_atomically(path, json.dumps(asdict(self), indent=1, sort_keys=True).encode())

    def location(self, path: Path) -> Path:
        """The model's folder, for a record that lies at `path`."""
        return path.parent / self.folder

    def with_files(self, files: Mapping[str, FileSum]) -> Record:
        """The same with other sums."""
        return replace(self, files=dict(files))


def patterns(role: Role) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which files of a folder or repository make up a model: the patterns wanted, and those skipped.

    Weights are safetensors and nothing else: no pickle is fetched or read.
    """
    if role == "parser":
        return ("*",), ("*.whl", ".*", "*/.*", "*.py", "*.pyc")
    skipped = _SKIPPED if role == "embedder" else ("*/*",)
    return (*_TEXT, "*.safetensors"), (*skipped, "data_config.json")


def model_files(role: Role, folder: Path) -> list[str]:
    """Paths, in `folder`, of the files that make up a model, sorted."""
    wanted, skipped = patterns(role)
    names = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(n for n in names if any(fnmatch(n, w) for w in wanted) and not any(fnmatch(n, s) for s in skipped))


def missing_part(role: Role, folder: Path) -> str:
    """What a folder lacks to be a model of this role; empty if nothing."""
    if not folder.is_dir():
        return "no such folder"
    needed = ("config.cfg", "meta.json") if role == "parser" else ("config.json",)
    for name in needed:
        if not (folder / name).is_file():
            return f"no {name}"
    if role == "parser":
        return ""
    if not any((folder / n).is_file() for n in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")):
        return "no tokenizer"
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        missing = sorted(s for s in shards if not (folder / s).is_file())
        return f"no {missing[0]}" if missing else ""
    return "" if any(folder.glob("*.safetensors")) else "no safetensors weights"


def measure(
    folder: Path,
    names: list[str],
    *,
    known: Mapping[str, FileSum] | None = None,
    progress: Progress | None = None,
    stage: str = "checking",
) -> dict[str, FileSum]:
    """sha256 of files.

    Parameters
    ----------
    folder : Path
    names : list of str
        Paths in `folder`.
    known : mapping of str to FileSum, optional
        Sums from before: a file of the same size and modification time is not read again.
    progress : Progress, optional
    stage : str
        What to call this towards `progress`.

    Raises
    ------
    FileNotFoundError
        One of the files is not there.
    """
    known = known or {}
    stats = {name: (folder / name).stat() for name in names}
    stale = {
        name
        for name, s in stats.items()
        if name not in known or (known[name].size, known[name].mtime_ns) != (s.st_size, s.st_mtime_ns)
    }
    total, done = sum(stats[n].st_size for n in stale), 0
    sums: dict[str, FileSum] = {}
    for name in names:
        if name not in stale:
            sums[name] = known[name]
            continue
        digest = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                if progress is not None:
                    progress(stage, done, total)
        sums[name] = FileSum(digest.hexdigest(), stats[name].st_size, stats[name].st_mtime_ns)
    return sums


def write_atomically(path: Path, data: bytes) -> None:
    """Write a small file in one step: readers see the old bytes or the new ones."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Tell a full disk as `StorageFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(path, error.strerror or "") from error
        raise
