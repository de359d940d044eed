# SPDX-License-Identifier: Apache-2.0
"""The gate of a data directory: operations pass it together, maintenance alone.

Two advisory locks, which the kernel releases when a process dies. `gate.lock` is held shared by each running
operation and exclusively by maintenance; it also holds a line: a phase, and two generation numbers. `turn.lock` is
held by maintenance from the moment it wants the gate, and newcomers wait for it then, so that a steady stream of
them keeps no maintenance from its turn. Without maintenance an operation costs three system calls.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from memwalk.errors import InvalidArgument
from memwalk.store.server._files import Flock, storage_errors, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.progress import Progress

__all__ = ["Gate", "Generation"]

_OPEN, _WANTED, _TAKEN = b"0", b"1", b"2"
_TELL_SECONDS = 0.5
_POLITE_SECONDS = 10.0
"""How long a thread waits while another of its process, which may be waiting for it, is inside."""

logger = logging.getLogger("memwalk.store")


class Generation(NamedTuple):
    """What happened to a directory: who remembers another one connects again, or reads again."""

    server: int
    """Grows with each maintenance: the server may answer elsewhere, or as somebody else."""
    data: int
    """Grows when the graph was replaced by another."""


class Gate:
    """The gate of one home, shared by all threads of this process. Made by `Gate.of`.

    Parameters
    ----------
    home : Path
        Neo4j's home; it exists.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._path = home / "gate.lock"
        self._turn = home / "turn.lock"
        self._notice = home / "maintenance.json"
        self._idle: list[int] = []
        """Open files that hold no lock, so that an operation need not open one."""
        self._inside: dict[int, int] = {}
        """The thread that is inside by each open file."""
        self._alone: int | None = None
        """The thread that does maintenance: it passes as it likes."""
        weakref.finalize(self, _close, self._idle)

    @staticmethod
    def of(home: Path) -> Gate:
        """The gate of a home."""
        return _gates.setdefault(str(home), Gate(home))

    # --- operations --------------------------------------------------------------------------------

    @contextmanager
    def passage(self, progress: Progress | None = None) -> Iterator[Generation]:
        """Be inside, with others; wait first while maintenance is at work or wants to be.

        Parameters
        ----------
        progress : Progress, optional
            Told what one waits for; without it the log is, as a warning.
        """
        if self._alone == threading.get_ident():
            yield self._generation()
            return
        descriptor, line = self._enter(progress)
        process = os.getpid()
        try:
            yield _generation(line)
        finally:
            if os.getpid() == process:  # in a fork the lock is the parent's
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                del self._inside[descriptor]
                self._idle.append(descriptor)

    def _enter(self, progress: Progress | None) -> tuple[int, bytes]:
        descriptor = self._descriptor()
        try:
            line = self._try(descriptor)
            # Maintenance waits for this thread if it is inside already, so it must not wait in turn.
            if line is None or (line[:1] not in {b"", _OPEN} and not self._is_inside()):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                line = self._wait(descriptor, progress)
        except BaseException:
            os.close(descriptor)
            raise
        self._inside[descriptor] = threading.get_ident()
        return descriptor, line

    def _is_inside(self) -> bool:
        return threading.get_ident() in list(self._inside.values())

    def _try(self, descriptor: int) -> bytes | None:
        """Take the lock if it is to be had, and read the line."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return os.pread(descriptor, 64, 0)

    def _wait(self, descriptor: int, progress: Progress | None) -> bytes:
        """Wait for the end of maintenance, or its death."""
        began = time.monotonic()
        told = False
        shared = True
        with Flock(self._turn) as turn:
            while True:
                while not turn.acquire(shared=shared, seconds=_TELL_SECONDS):
                    waited = time.monotonic() - began
                    told = self._tell(progress, int(waited), told=told)
                    if waited > _POLITE_SECONDS and self._inside and (line := self._try(descriptor)) is not None:
                        return line
                if not shared:
                    self._mend(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                line = os.pread(descriptor, 64, 0)
                if line[:1] in {b"", _OPEN}:
                    return line
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # who had the turn was killed: one of those who wait mends
                turn.release()
                shared = False

    def _mend(self, descriptor: int) -> None:
        """Open the gate that maintenance left when it was killed; the caller has the turn, alone."""
        phase = os.pread(descriptor, 64, 0)[:1]
        if phase not in {b"", _OPEN}:
            taken = phase == _TAKEN  # it may have changed everything, and nobody was inside
            _set(descriptor, _OPEN, server=taken, data=taken)
            self._notice.unlink(missing_ok=True)

    def _tell(self, progress: Progress | None, seconds: int, *, told: bool) -> bool:
        """Say what one waits for, once in the log; False if it cannot be known yet."""
        notice = self.notice()
        if notice is None:
            return told
        sentence = f"waiting for {notice} in {self.home.parent}; this goes on by itself when that is done"
        if progress:
            progress(sentence, seconds, None)
        if not told:
            logger.log(logging.INFO if progress else logging.WARNING, "%s", sentence)
        return True

    def notice(self) -> str | None:
        """What maintenance is doing, by whom and since when; None if there is none or it says nothing yet."""
        try:
            values = json.loads(self._notice.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        since = datetime.fromtimestamp(values["since"]).astimezone().strftime("%H:%M:%S")
        return f"{values['what']} (process {values['pid']}, since {since})"

    # --- maintenance -------------------------------------------------------------------------------

    @contextmanager
    def alone(self, what: str, progress: Progress | None = None) -> Iterator[Room]:
        """Be inside alone: running operations are waited for, newcomers wait until the end.

        Parameters
        ----------
        what : str
            What is going on, for those who wait: "a backup".
        progress : Progress, optional

        Raises
        ------
        InvalidArgument
            This thread itself is inside, with a stream that it has not read to its end.
        """
        if self._is_inside():
            raise InvalidArgument("maintenance", what, "all streams from this store to be read to their end or closed")
        with Flock(self._turn) as turn:
            began = time.monotonic()
            told = False
            while not turn.acquire(seconds=_TELL_SECONDS):
                told = self._tell(progress, int(time.monotonic() - began), told=told)
            descriptor = self._descriptor()
            room = Room()
            try:
                self._mend(descriptor)
                with storage_errors(self.home):
                    write_private(self._notice, json.dumps({"what": what, "pid": os.getpid(), "since": time.time()}))
                    _set(descriptor, _WANTED)
                _take(descriptor, progress)
                _set(descriptor, _TAKEN)
                room.taken = True
                self._alone = threading.get_ident()
                yield room
            finally:
                self._alone = None
                _set(descriptor, _OPEN, server=room.taken, data=room.replaced)
                self._notice.unlink(missing_ok=True)
                os.close(descriptor)

    def _generation(self) -> Generation:
        descriptor = self._descriptor()
        try:
            return _generation(os.pread(descriptor, 64, 0))
        finally:
            self._idle.append(descriptor)

    def _descriptor(self) -> int:
        try:
            return self._idle.pop()
        except IndexError:
            with storage_errors(self._path):
                return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def rest(self) -> None:
        """Close the files that nobody needs now: an open one keeps a disk from being unmounted."""
        _close(self._idle)

    def forget(self) -> None:
        """In a forked child: the locks are the parent's."""
        _close([*self._inside, *self._idle])
        self._inside.clear()
        self._idle.clear()
        self._alone = None


_gates: weakref.WeakValueDictionary[str, Gate] = weakref.WeakValueDictionary()


class Room:
    """What maintenance tells the gate at its end."""

    def __init__(self) -> None:
        self.taken = False
        self.replaced = False
        """Whether the graph was replaced by another: set by who does it."""


def _take(descriptor: int, progress: Progress | None) -> None:
    """Wait until all that run have ended."""
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - began
            if progress and waited > _TELL_SECONDS:
                progress("waiting for others to finish what they are doing", int(waited), None)
            time.sleep(0.02)
        else:
            return


def _set(descriptor: int, phase: bytes, *, server: bool = False, data: bool = False) -> bytes:
    """Write the line; a generation grows where it is true."""
    old = _generation(os.pread(descriptor, 64, 0))
    line = b"%s %020d %020d\n" % (phase, old.server + server, old.data + data)
    os.pwrite(descriptor, line, 0)
    return line


def _generation(line: bytes) -> Generation:
    _, server, data = line.split() if line else (_OPEN, b"0", b"0")
    return Generation(int(server), int(data))


def _close(descriptors: list[int]) -> None:
    with suppress(IndexError):  # a list of files that other threads take from
        while True:
            os.close(descriptors.pop())


def _after_fork() -> None:
    for gate in list(_gates.values()):
        gate.forget()


os.register_at_fork(after_in_child=_after_fork)
