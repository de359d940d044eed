# SPDX-License-Identifier: Apache-2.0
"""The log of reads: append-only JSON Lines beside the store, chained by hash, shared by processes and threads."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import threading
import time
from typing import TYPE_CHECKING

from memwalk.errors import AuditFailed, InvalidArgument, StorageFull
from memwalk.store._chain import START, ChainReport, Head, chain_hash
from memwalk.store._log_lines import HEALED, RESUMED, Record, parsed, tail, up_to, verify_log, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["ReadLog"]

ROTATE_BYTES = 64 << 20
"""Size at which a file of the log is put aside; the chain runs on in the next."""

SYNC_SECONDS = 1.0
"""Time after which what was appended is synced to the disk by the next append."""

_UNIT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ReadLog:
    """A folder with `reads.jsonl`, files put aside (`reads.LASTNUMBER.jsonl`), `head`, `key` and `lock`.

    A record is `{seq, at, principal, action, target, hash}`, `at` in ms. It is written before the read is done, so it
    is the same for what is granted, denied and missing. No text that anybody wrote or asked is in it: the target is a
    unit's id as it was given, else the HMAC-SHA256 of the text under a random key of this log. Not a plain hash: names
    and questions can be guessed, and whoever holds the log alone could then try; a purge would leave that behind. With
    the key an administrator can still ask who read by a certain text. Without it (delete `key`) nobody can.

    **Tampering.** `verify` finds a record that was changed, taken out, put in or moved, and, by the number and hash in
    `head`, a cut end. Who may write all of these files can write the whole log anew, since no secret is in the chain;
    only a head that was kept elsewhere (`verify` returns it) shows that, when given as an anchor.

    **Failures.** A record is appended under a file lock, then `head` is overwritten in place: 86 bytes, which need no
    room on a full disk. If either fails, the line is taken back and the read refused. A process killed in between
    leaves a whole line that `head` lacks, which counts, or a torn one: its read was never done, the next append cuts it
    off and says so in a record of its own (`log.healed`, in `verify` a note). If the log ends before `head` says, or
    `head` is gone, the next append goes on from what is known and says so (`log.resumed`); for `verify` that is a fault
    for ever, since cutting the end looks just so. After a power failure it may mean no more than that: appends are
    synced when a second has passed since the last sync, and on `close`, so that a read does not wait for the disk;
    up to then, records that were acknowledged can be lost, with the machine that made them.

    **Cost.** 30,000 appends a second from one process and as many from four together, on two cores.

    Parameters
    ----------
    directory : Path
        Made for this user alone when first needed.
    rotate_bytes : int
    """

    def __init__(self, directory: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.directory = directory
        self._rotate_bytes = rotate_bytes
        self._path = directory / "reads.jsonl"
        self._begin()

    def append(self, principal: str, action: str, target: str = "") -> Head:
        """Log that a principal is about to do a read.

        Parameters
        ----------
        principal, action : str
        target : str
            What it asks for, as given; empty for a read of no particular thing.

        Raises
        ------
        StorageFull, AuditFailed
            Not logged; so it must not be done.
        """
        with self._locked():
            self._catch_up()
            self._append(principal, action, self._masked(target))
            return self._last

    def mask(self, target: str) -> str:
        """What stands in the log for a target.

        Raises
        ------
        StorageFull, AuditFailed
        """
        with self._locked():
            return self._masked(target)

    def records(self) -> Iterator[Record]:
        """The records, oldest first, unverified; what is no record is left out.

        Raises
        ------
        AuditFailed
        """
        with self._errors():
            for record in map(parsed, self._lines()[0]):
                texts = (record.get(name) for name in ("principal", "action", "target"))
                if type(record.get("at")) is int and all(isinstance(text, str) for text in texts):
                    yield record

    def verify(self, *, anchor: Head | None = None) -> ChainReport:
        """Read the whole log and tell the first record that is not as it was written.

        Parameters
        ----------
        anchor : Head, optional
            A head that an earlier call returned, kept where whoever writes the log cannot write.

        Raises
        ------
        AuditFailed
        """
        with self._errors():
            lines, kept, torn = self._lines()
            return verify_log(map(parsed, lines), kept, anchor, torn)

    def close(self) -> None:
        """Sync what was appended and close the files; an append opens them again."""
        if self._file is not None and self._pid == os.getpid():
            with self._locked():
                if self._file is not None:
                    self._sync()
        self._forget()

    # --- appending ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._threads = threading.Lock()
        self._lock: int | None = None
        self._head: int | None = None
        self._file: int | None = None
        self._known = (0, 0)  # inode and size of the file when this process last saw it
        self._last = START
        self._key = b""
        self._synced = time.monotonic()

    def _forget(self) -> None:
        self._close_files()
        if self._lock is not None:
            os.close(self._lock)
        self._begin()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if self._pid != os.getpid():  # a fork shares the parent's lock: it would not exclude the two
            self._forget()
        with self._threads, self._errors():
            lock = self._take_lock()
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _take_lock(self) -> int:
        """The lock of the folder that is there: `load` puts another folder, with its own, in this one's place."""
        while True:
            if self._lock is None:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock = self._open("lock")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._lock), (self.directory / "lock").stat()):
                    return self._lock
            self._close_files()
            os.close(self._lock)
            self._lock, self._last, self._key = None, START, b""

    def _open(self, name: str) -> int:
        return os.open(self.directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _catch_up(self) -> None:
        """Know the last record, though other processes append, rotate, and are killed."""
        with contextlib.suppress(FileNotFoundError):
            status = self._path.stat()
            if self._file is not None and self._known == (status.st_ino, status.st_size):
                return
        self._close_files()
        kept = self._read_head()
        self._head = self._open("head")
        self._file = self._open(self._path.name)
        last, torn = tail(self._file)
        if last is None:
            last = self._last_put_aside()
        if kept is None and last is START:
            kept = START
            self._write_head(START)
            _sync_folder(self.directory)
        try:
            self._heal(kept, last, torn)
        except OSError:
            self._close_files()  # so that the next append comes here again
            raise

    def _heal(self, kept: Head | None, last: Head, torn: int) -> None:
        assert self._file is not None
        if torn:
            os.ftruncate(self._file, os.fstat(self._file).st_size - torn)
        self._look()
        self._last = max((kept or START, last, START), key=lambda head: head.seq)
        if kept is None or last.seq < kept.seq or (last.seq == kept.seq and last != kept):
            self._append("", RESUMED, str(self._last))
        if torn:
            self._append("", HEALED, f"torn:{torn}")

    def _append(self, principal: str, action: str, target: str) -> None:
        assert self._file is not None
        if self._known[1] >= self._rotate_bytes:
            self._rotate()
        at = time.time_ns() // 1_000_000
        record = {"seq": self._last.seq + 1, "at": at, "principal": principal, "action": action, "target": target}
        head = Head(self._last.seq + 1, chain_hash(self._last.hash, record))
        line = json.dumps(record | {"hash": head.hash}, separators=(",", ":")).encode() + b"\n"
        try:
            _write(self._file, line, self._known[1])
            self._write_head(head)
        except OSError:
            with contextlib.suppress(OSError):  # then it is torn, and healed later
                os.ftruncate(self._file, self._known[1])
            raise
        self._last = head
        self._known = (self._known[0], self._known[1] + len(line))
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._sync()

    def _rotate(self) -> None:
        assert self._file is not None
        os.fsync(self._file)
        self._path.rename(self._path.with_name(f"reads.{self._last.seq:020d}.jsonl"))
        os.close(self._file)
        self._file = None
        self._file = self._open(self._path.name)
        _sync_folder(self.directory)
        self._look()

    def _look(self) -> None:
        assert self._file is not None
        status = os.fstat(self._file)
        self._known = (status.st_ino, status.st_size)

    def _close_files(self) -> None:
        for descriptor in (self._file, self._head):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._head = None

    def _sync(self) -> None:
        assert self._file is not None
        assert self._head is not None
        os.fdatasync(self._file)
        os.fdatasync(self._head)
        self._synced = time.monotonic()

    def _write_head(self, head: Head) -> None:
        assert self._head is not None
        _write(self._head, f"{head.seq:020d}:{head.hash:64}\n".encode(), 0)

    # --- reading -----------------------------------------------------------------------------------

    def _read_head(self) -> Head | None:
        """The number and hash in the head file; None where it is gone, or holds none."""
        with contextlib.suppress(FileNotFoundError, InvalidArgument, UnicodeDecodeError):
            seq, _, digest = (self.directory / "head").read_text(encoding="ascii").partition(":")
            return Head.parse(f"{int(seq) if seq.isdigit() else seq}:{digest.strip()}")
        return None

    def _lines(self) -> tuple[Iterable[bytes], Head | None, int]:
        """The whole lines, oldest first, the head as kept, and the length of a torn line: all of one moment."""
        lock = None
        with contextlib.ExitStack() as closing:
            with contextlib.suppress(FileNotFoundError):  # nothing was ever logged; else reading is enough
                lock = os.open(self.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
                closing.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._read_head()
            aside = self._put_aside()
            present: Iterable[bytes] = ()
            torn = 0
            with contextlib.suppress(FileNotFoundError):
                file = self._path.open("rb")
                size = os.fstat(file.fileno()).st_size
                torn = tail(file.fileno())[1]
                present = up_to(file, size - torn)
        return itertools.chain(itertools.chain.from_iterable(map(whole, aside)), present), kept, torn

    def _put_aside(self) -> list[Path]:
        return sorted(self.directory.glob("reads.*.jsonl"))

    def _last_put_aside(self) -> Head:
        for path in self._put_aside()[-1:]:
            with path.open("rb") as file:
                return tail(file.fileno())[0] or START
        return START

    # --- inside ------------------------------------------------------------------------------------

    def _masked(self, target: str) -> str:
        if not target or _UNIT_ID.fullmatch(target):
            return target
        if not self._key:
            self._key = self._read_key()
        return "hmac:" + hmac.new(self._key, target.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _read_key(self) -> bytes:
        path = self.directory / "key"
        with contextlib.suppress(FileNotFoundError):
            key = path.read_bytes()
            if len(key) == 32:
                return key
        key = secrets.token_bytes(32)
        descriptor = self._open("key.tmp")
        try:
            os.ftruncate(descriptor, 0)
            _write(descriptor, key, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        (self.directory / "key.tmp").rename(path)
        _sync_folder(self.directory)
        return key

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(self.directory, "what cannot be logged is not read") from error
            raise AuditFailed(str(error.filename or self.directory), error.strerror or str(error)) from error


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
