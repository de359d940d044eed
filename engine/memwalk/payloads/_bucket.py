# SPDX-License-Identifier: Apache-2.0
"""Payloads in anything else that fsspec opens, object stores above all: no locks, but one order of events."""

from __future__ import annotations

import contextlib
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from memwalk.errors import StoreBusy
from memwalk.payloads._files import CHUNK, SCRATCH, Found, place_errors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

__all__ = ["Bucket"]

_SWEEPS = "sweeping"
_ROUND_SECONDS = 10.0
_DEAD_SECONDS = 60.0
_POLL_SECONDS = 0.05


class Bucket:
    """The files below a path of an fsspec file system.

    A file is durable when the file system has closed it, and gets its name by the file system's own `mv`: a rename, or
    the copy of an object, which appears as a whole.

    Nothing can be locked there, so a sweep announces itself: it writes an object under `sweeping/`, then asks for each
    file's age and removes the old ones, for at most 10 seconds, then removes the object. A writer gives a file its
    name, or renews its age, and *then* looks for announcements. If it sees none, every sweep to come asks for the age
    after that and finds it young. If it sees some, it waits until they are gone and looks whether the file is still
    there. (This needs a place where one reads what was written before, as object stores and file systems do.)
    An announcement that stays for a minute is that of a sweep that died. A sweep that stands still for 50 seconds
    between asking for one file's age and removing it would break this; the folder, with its lock, has no such gap.
    """

    def __init__(self, fs: Any, root: str, url: str) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self.url = url

    def read(self, path: str) -> bytes:
        """A whole file."""
        with place_errors(self.url, "read"):
            data: bytes = self._fs.cat_file(self.at(path))
            return data

    def chunks(self, path: str) -> Generator[bytes]:
        """A file in pieces, each a request of its own."""
        with place_errors(self.url, "read"):
            self._fs.invalidate_cache()
            size = self._fs.info(self.at(path))["size"]
            for start in range(0, size, CHUNK):
                yield self._fs.cat_file(self.at(path), start=start, end=min(start + CHUNK, size))

    @contextlib.contextmanager
    def draft(self) -> Iterator[BucketDraft]:
        """Begin a file."""
        with place_errors(self.url, "written"):
            draft = BucketDraft(self, self._fs)
        try:
            yield draft
        finally:
            draft.discard()

    def renew(self, path: str) -> bool:
        """Set a file's age to nothing; an object store does that for a copy, and for no file onto itself."""
        scratch = self.scratch()
        with place_errors(self.url, "written"):
            try:
                self._fs.cp_file(self.at(path), scratch)
            except FileNotFoundError:
                return False
            return self.move(scratch, path)

    def found(self) -> Iterator[Found]:
        """Every file."""
        with place_errors(self.url, "read"):
            self._fs.invalidate_cache()
            try:
                details = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                return
            for name, info in details.items():
                path = name[len(self._root) :].lstrip("/")
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    told = info.get("mtime", info.get("LastModified", info.get("last_modified")))
                    known = isinstance(told, int | float | datetime)
                    yield Found(path, info["size"], _stamp(told) if known else self._modified(path))

    def now(self) -> float:
        """The file system's clock: that of a file just written."""
        scratch = self.scratch()
        with place_errors(self.url, "written"):
            self._fs.pipe_file(scratch, b"")
            modified = self._modified(scratch[len(self._root) + 1 :])
            self._fs.rm_file(scratch)
        return modified

    def remove(self, path: str) -> bool:
        """Remove a file."""
        with place_errors(self.url, "written"):
            self._fs.invalidate_cache()
            if not self._fs.exists(self.at(path)):
                return False
            self._fs.rm_file(self.at(path))
        return True

    def remove_older(self, paths: Iterable[str], cutoff: float) -> Iterator[str]:
        """Remove those that are older than a time, in rounds, each announced."""
        waiting = list(paths)[::-1]
        while waiting:
            with self._announced() as ends:
                while waiting and time.monotonic() < ends:
                    path = waiting.pop()
                    with contextlib.suppress(FileNotFoundError):
                        if self._modified(path) < cutoff:
                            self._fs.rm_file(self.at(path))
                            yield path

    def at(self, path: str) -> str:
        """A file's path in the file system."""
        return f"{self._root}/{path}"

    def scratch(self) -> str:
        """A path for a file that is being written."""
        with place_errors(self.url, "written"):
            self._fs.makedirs(self.at(SCRATCH), exist_ok=True)
        return self.at(f"{SCRATCH}/{uuid.uuid4().hex}.tmp")

    def move(self, scratch: str, path: str) -> bool:
        """Give a file its name; False if a sweep took it at that moment."""
        self._fs.makedirs(self.at(path).rpartition("/")[0], exist_ok=True)
        self._fs.mv(scratch, self.at(path))
        return not self._sweep_ended() or bool(self._fs.exists(self.at(path)))

    def _modified(self, path: str) -> float:
        self._fs.invalidate_cache()
        return _stamp(self._fs.modified(self.at(path)))

    @contextlib.contextmanager
    def _announced(self) -> Iterator[float]:
        announcement = self.at(f"{_SWEEPS}/{uuid.uuid4().hex}.tmp")
        with place_errors(self.url, "written"):
            self._fs.makedirs(self.at(_SWEEPS), exist_ok=True)
            started = time.monotonic()
            self._fs.pipe_file(announcement, b"")
            try:
                yield started + _ROUND_SECONDS
            finally:
                with contextlib.suppress(FileNotFoundError):  # a writer took this sweep for dead
                    self._fs.rm_file(announcement)

    def _announcements(self) -> set[str]:
        self._fs.invalidate_cache()
        try:
            return set(self._fs.find(self.at(_SWEEPS)))
        except FileNotFoundError:
            return set()

    def _sweep_ended(self) -> bool:
        """Wait for the end of the sweeps that are announced now; whether there was one."""
        seen = pending = self._announcements()
        dead = time.monotonic() + _DEAD_SECONDS
        while pending:
            if time.monotonic() > dead:
                for announcement in pending:
                    with contextlib.suppress(FileNotFoundError):
                        self._fs.rm_file(announcement)
                break
            time.sleep(_POLL_SECONDS)
            pending = seen & self._announcements()
        self._fs.invalidate_cache()
        return bool(seen)


class BucketDraft:
    """A file in the scratch folder; an object store would publish half of it if it were written under its name."""

    def __init__(self, bucket: Bucket, fs: Any) -> None:
        self._bucket = bucket
        self._fs = fs
        self._path = bucket.scratch()
        self._file = fs.open(self._path, "wb")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append."""
        with place_errors(self._bucket.url, "written"):
            self._file.write(data)

    def publish(self, path: str) -> None:
        """Close, then copy: the copy appears as a whole."""
        with place_errors(self._bucket.url, "written"):
            self._file.close()
            if not self._bucket.move(self._path, path):
                raise StoreBusy("a sweep took a payload at the moment it was put: put it again")

    def discard(self) -> None:
        """Close it and remove it."""
        with contextlib.suppress(OSError):  # a sweep removes it later
            self._file.close()
            self._fs.rm_file(self._path)


def _stamp(told: datetime | float) -> float:
    if isinstance(told, datetime):
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    return float(told)
