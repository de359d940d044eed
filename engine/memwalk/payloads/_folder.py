# SPDX-License-Identifier: Apache-2.0
"""Payloads in a folder of this machine: synced to the disk, renamed into place, locked against a sweep."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.errors import StoreBusy
from memwalk.payloads._files import CHUNK, SCRATCH, Found, place_errors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

__all__ = ["Folder"]

_LOCK = ".lock"


class Folder:
    """A folder and the files below it.

    Writers hold the lock file shared while they give a file its name or renew its age, a sweep holds it alone while
    it looks at an age and removes; the kernel releases it when a process dies.
    """

    def __init__(self, root: str, url: str) -> None:
        self.root = Path(root)
        self.url = url

    def read(self, path: str) -> bytes:
        """A whole file."""
        with place_errors(self.url, "read"):
            return (self.root / path).read_bytes()

    def chunks(self, path: str) -> Generator[bytes]:
        """A file in pieces; it stays whole for this reader even if it is removed meanwhile."""
        with place_errors(self.url, "read"), (self.root / path).open("rb", buffering=0) as file:
            while data := file.read(CHUNK):
                yield data

    @contextlib.contextmanager
    def draft(self) -> Iterator[FolderDraft]:
        """Begin a file."""
        self._make(self.root / SCRATCH)
        with place_errors(self.url, "written"):
            draft = FolderDraft(self)
        try:
            yield draft
        finally:
            draft.discard()

    def renew(self, path: str) -> bool:
        """Set a file's age to nothing, and its name durable: whoever gave it may not have come to that."""
        with self.locked(fcntl.LOCK_SH):
            try:
                os.utime(self.root / path)
            except FileNotFoundError:
                return False
        self.sync(path)
        return True

    def found(self) -> Iterator[Found]:
        """Every file in the folder's folders."""
        with place_errors(self.url, "read"):
            try:
                folders = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False))
            except FileNotFoundError:
                return
            for folder in folders:
                with os.scandir(self.root / folder) as entries:
                    for entry in entries:
                        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                            status = entry.stat(follow_symlinks=False)
                            yield Found(f"{folder}/{entry.name}", status.st_size, status.st_mtime)

    def now(self) -> float:
        """The time that the folder's file system gives to a file; it need not be this machine's."""
        with self.locked(fcntl.LOCK_SH) as lock:
            os.utime(lock)
            return os.fstat(lock).st_mtime

    def remove(self, path: str) -> bool:
        """Remove a file for good: after a power failure it does not come back."""
        with self.locked(fcntl.LOCK_EX):
            try:
                (self.root / path).unlink()
            except FileNotFoundError:
                return False
        self.sync(path)
        return True

    def remove_older(self, paths: Iterable[str], cutoff: float) -> Iterator[str]:
        """Remove those that are older than a time, each under the lock."""
        for path in paths:
            with self.locked(fcntl.LOCK_EX), contextlib.suppress(FileNotFoundError):
                if (self.root / path).stat().st_mtime >= cutoff:
                    continue
                (self.root / path).unlink()
                yield path

    @contextlib.contextmanager
    def locked(self, kind: int) -> Iterator[int]:
        """Hold the lock, shared or alone."""
        self._make(self.root)
        with place_errors(self.url, "written"):
            lock = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(lock, kind)
                yield lock
            finally:
                os.close(lock)

    def sync(self, path: str) -> None:
        """Make the names in a file's folder durable, and the folder's own."""
        with place_errors(self.url, "written"):
            _sync((self.root / path).parent)
            _sync(self.root)

    def place(self, path: str) -> Path:
        """Where a file goes; its folder is made."""
        self._make((self.root / path).parent)
        return self.root / path

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        with place_errors(self.url, "written"):
            self.root.parent.mkdir(parents=True, exist_ok=True)
            if not self.root.is_dir():
                self.root.mkdir(mode=0o700, exist_ok=True)  # what is in there was remembered by somebody
                _sync(self.root.parent)
            folder.mkdir(exist_ok=True)


class FolderDraft:
    """A file in the scratch folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = folder.root / SCRATCH / f"{uuid.uuid4().hex}.tmp"
        self._file = self._path.open("xb", buffering=0)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append."""
        rest = memoryview(data)
        with place_errors(self._folder.url, "written"):
            while rest:
                rest = rest[self._file.write(rest) :]

    def publish(self, path: str) -> None:
        """Sync, rename, sync the folder."""
        folder = self._folder
        with place_errors(folder.url, "written"):
            os.fsync(self._file.fileno())
        target = folder.place(path)
        with folder.locked(fcntl.LOCK_SH):
            try:
                os.utime(self._path)
                self._path.rename(target)
            except FileNotFoundError:
                raise StoreBusy("a payload came so slowly that a sweep took it for a leftover: put it again") from None
        folder.sync(path)

    def discard(self) -> None:
        """Close it, and remove it unless it was published."""
        self._file.close()
        with contextlib.suppress(OSError):  # a sweep removes it later
            self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
