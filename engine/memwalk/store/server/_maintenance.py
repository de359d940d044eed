# SPDX-License-Identifier: Apache-2.0
"""Work on a data directory that nobody else may use meanwhile."""

from __future__ import annotations

import copy
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from memwalk.errors import StoreBusy
from memwalk.store.server import _launch
from memwalk.store.server._files import Flock
from memwalk.store.server._process import is_server
from memwalk.store.server._swap import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.progress import Progress
    from memwalk.store.server._files import Record
    from memwalk.store.server._gate import Room
    from memwalk.store.server._server import Lease, LocalServer, ServerAddress

__all__ = ["Maintenance", "maintenance"]


class Maintenance:
    """What may be done while one is alone. Made by `maintenance`."""

    def __init__(self, server: LocalServer, room: Room, progress: Progress | None) -> None:
        self.server = server
        self._room = room
        self._progress = progress
        self._lease: Lease | None = None

    def start(self) -> ServerAddress:
        """Start the server, or find it running, for this thread alone; it is as after any start, recovered if need be.

        Raises
        ------
        ServerFailed, StorageFull, ConfigurationError, StoreBusy
        """
        self._lease = self._lease or self.server.join(self._progress)
        return self._lease.endpoint

    def stop(self) -> None:
        """Stop the server, whoever was connected to it."""
        self.leave()
        if self._progress:
            self._progress("stopping Neo4j", 0, None)
        self.server.stop()

    def leave(self) -> None:
        """Let go of the server, if it runs."""
        if self._lease:
            self._lease.close()
            self._lease = None

    @contextmanager
    def staged(self) -> Iterator[LocalServer]:
        """A data directory of its own, empty, with a server to start as any other; gone at the end unless adopted.

        Folders `payloads` and `audit` made in it take the place of those there are.
        """
        staged = self.server.staged()
        try:
            staged.files.make()
            yield staged
        finally:
            _clear(staged)

    def adopt(self, staged: LocalServer) -> None:
        """Put the staged data directory's graph in the place of this one's, which is gone then.

        Both servers are stopped. A kill leaves the one or the other, whole.

        Raises
        ------
        StorageFull, ConfigurationError, StoreBusy
        """
        staged.stop()
        self.stop()
        self._room.replaced = True
        commit(self.server.files)


@contextmanager
def maintenance(server: LocalServer, what: str, progress: Progress | None = None) -> Iterator[Maintenance]:
    """Be alone in a data directory: running operations are waited for, newcomers wait until the end, in all processes.

    The server that ran before runs at the end, whatever happened; one that did not, does not.

    Parameters
    ----------
    server : LocalServer
    what : str
        What is going on, for those who wait: "a backup".
    progress : Progress, optional

    Raises
    ------
    InvalidArgument
        This thread has not read a stream from this store to its end.
    """
    server.files.make_home()
    with server.gate.alone(what, progress) as room:
        _settle(server)
        before = _running(server)
        work = Maintenance(server, room, progress)
        try:
            yield work
        finally:
            work.leave()
            _restore(server, before, progress)


def _clear(staged: LocalServer) -> None:
    staged.stop()
    if staged.directory.exists():
        shutil.rmtree(staged.directory)


def _settle(server: LocalServer) -> None:
    """See to what an earlier maintenance may have left: leftovers of a swap, java of its own."""
    with Flock(server.files.start_lock) as lock:
        if not lock.acquire(seconds=server.settings.start_seconds):
            raise StoreBusy(f"another process has been starting the Neo4j of {server.directory} for too long")
        if _launch.recover(server.files) is None:
            server.settle()
        else:  # so nothing was decided
            _clear(server.staged())


def _running(server: LocalServer) -> Record | None:
    record = server.files.read_record()
    return record if record and is_server(record.pid, record.token) else None


def _restore(server: LocalServer, before: Record | None, progress: Progress | None) -> None:
    now = _running(server)
    if before is None and now is not None:
        server.stop()
    elif before is not None and now is None:
        again = copy.copy(server)
        again.settings = replace(server.settings, idle_seconds=before.idle_seconds)
        again.start(progress, http=before.http_port is not None)
