# SPDX-License-Identifier: Apache-2.0
"""What lies in a data directory for its server: paths, locks, and the record of the running server."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
import time
import weakref
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from memwalk.errors import ConfigurationError, StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Files", "Flock", "Record", "storage_errors", "write_private"]

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Record:
    """The running server, as `server.json` tells it."""

    token: str
    """On the command line of its java process: a process id alone may by now be somebody else's."""
    state: str
    """`starting`, `ready` or `stopping`."""
    version: str
    pid: int
    supervisor_pid: int
    bolt_port: int
    http_port: int | None
    idle_seconds: float
    started_at: float


class Files:
    """Paths below ``DIR/neo4j``.

    Parameters
    ----------
    home : Path
        Neo4j's home directory.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.conf = home / "conf"
        self.data = home / "data"
        self.logs = home / "logs"
        self.run = home / "run"
        self.scratch = home / "run" / "tmp"
        self.password = home / "password"
        self.version = home / "version"
        self.record = home / "server.json"
        self.launch = home / "run" / "launch.json"
        self.arguments = home / "run" / "java.args"
        self.console = home / "logs" / "console.log"
        self.supervisor_log = home / "logs" / "supervisor.log"
        self.clients_lock = home / "clients.lock"
        self.start_lock = home / "start.lock"
        self.supervisor_lock = home / "supervisor.lock"

    def make_home(self) -> None:
        """Make the home, for this user alone."""
        with storage_errors(self.home):
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)

    def make(self) -> None:
        """Make the folders that are missing, for this user alone."""
        self.make_home()
        with storage_errors(self.home):
            for folder in (
                self.conf,
                self.data,
                self.logs,
                self.run,
                self.home / "import",
                self.home / "plugins",
            ):
                folder.mkdir(mode=0o700, exist_ok=True)

    def read_record(self) -> Record | None:
        """The record of the running server; None where there is none, or a torn one."""
        try:
            values = json.loads(self.read_line(self.record))
            return Record(**{field.name: values[field.name] for field in fields(Record)})
        except (ValueError, TypeError, KeyError):
            return None

    def write_record(self, record: Record) -> None:
        """Replace the record."""
        write_private(self.record, json.dumps(asdict(record)))

    def remove_record(self, token: str) -> None:
        """Remove the record if it is that of a certain server."""
        record = self.read_record()
        if record is None or record.token == token:
            self.record.unlink(missing_ok=True)

    def read_line(self, path: Path) -> str:
        """A one-line file, or nothing."""
        with storage_errors(self.home):
            try:
                return path.read_text(encoding="utf-8").strip()
            except (FileNotFoundError, NotADirectoryError):
                return ""


class Flock:
    """An advisory lock on a file, held until closed; the kernel releases it when the process dies.

    Each instance has its own open file, so threads exclude each other as processes do.
    """

    def __init__(self, path: Path) -> None:
        with storage_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.path = path
        self._descriptor = descriptor
        self._finalizer = weakref.finalize(self, os.close, descriptor)

    def acquire(self, *, shared: bool = False, seconds: float = 0.0) -> bool:
        """Take the lock, waiting at most so long; whether it was taken."""
        deadline = time.monotonic() + seconds
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        while True:
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL_SECONDS)
            else:
                return True

    def release(self) -> None:
        """Give the lock back and keep the file open."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def touch(self) -> None:
        """Set the file's time to now."""
        os.utime(self._descriptor)

    def touched(self) -> float:
        """The file's time."""
        return os.fstat(self._descriptor).st_mtime

    def close(self) -> None:
        """Give the lock back, once."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only this user may read, whole or not at all."""
    descriptor, scratch = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except OSError:
        Path(scratch).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Tell what the file system refuses in our words.

    Raises
    ------
    StorageFull
    ConfigurationError
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(path) from error
        where: Any = error.filename or path
        expected = f"a folder that can be written ({where}: {error.strerror})"
        raise ConfigurationError("MEMWALK_STORE", str(path), expected) from error
