# SPDX-License-Identifier: Apache-2.0
"""The small process that launches the local server and stops it when nobody needs it.

``python -m memwalk.store.server.supervisor HOME TOKEN [--adopt]`` detaches itself. It holds `supervisor.lock` for
its life; it stops the server on SIGTERM, or when for some time nobody has held `clients.lock` and no
other program has been connected. While it stops an idle server it holds `clients.lock`, so that a newcomer waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memwalk.store._disk import is_full
from memwalk.store.server._archive import keep
from memwalk.store.server._files import Files, Flock, Record
from memwalk.store.server._panic import end_server, has_panicked
from memwalk.store.server._process import client_connections, is_server

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

_LOCK_SECONDS = 10.0
_GOOD_ENDS = (0, 128 + signal.SIGTERM)


class _Supervisor:
    def __init__(self, files: Files, token: str) -> None:
        self.files = files
        self.token = token
        self.asked = False
        self._clients = Flock(files.clients_lock)
        self._process: subprocess.Popen[bytes] | None = None
        self._record: Record | None = None
        self._archive: list[str] | None = None
        self._wake, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def launch(self) -> None:
        """Start java as `launch.json` says, and record it."""
        launch: dict[str, Any] = json.loads(self.files.launch.read_text(encoding="utf-8"))
        if launch["token"] != self.token:
            raise OSError(0, "another launch took its place")
        self._archive = launch["archive"]
        with self.files.console.open("wb") as console:
            self._process = subprocess.Popen(
                launch["command"],
                env=launch["environment"],
                cwd=self.files.home,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self._record = Record(
            token=self.token,
            state="starting",
            version=launch["version"],
            pid=self._process.pid,
            supervisor_pid=os.getpid(),
            bolt_port=launch["bolt_port"],
            http_port=launch["http_port"],
            idle_seconds=launch["idle_seconds"],
            started_at=time.time(),
        )
        try:
            self.files.write_record(self._record)
        except OSError:
            self._process.kill()
            raise

    def adopt(self) -> None:
        """Take over a server whose supervisor died."""
        record = self.files.read_record()
        if record is None or record.token != self.token or not is_server(record.pid, self.token):
            raise OSError(0, "the server is gone")
        self._record = replace(record, supervisor_pid=os.getpid())
        self.files.write_record(self._record)

    @property
    def record(self) -> Record:
        assert self._record is not None, "launch or adopt first"
        return self._record

    def alive(self) -> bool:
        """Whether the server still runs; reaps it if it is our child."""
        return self._process.poll() is None if self._process else is_server(self.record.pid, self.token)

    def watch(self) -> None:
        """Return when the server has ended, by itself or because it was stopped here."""
        interval = min(5.0, max(0.1, self.record.idle_seconds / 8))
        if self._process is None:
            interval = min(interval, 1.0)  # nobody tells us when a process ends that is not our child
        seen = time.time()
        while not self.asked and self.alive() and not self._lost():
            if self._used():
                seen = time.time()
            elif time.time() - max(seen, self._touched()) >= self.record.idle_seconds and self._clients.acquire():
                if time.time() - self._touched() >= self.record.idle_seconds and not self._connections():
                    break
                self._clients.release()
            if select.select([self._wake], [], [], interval)[0]:
                os.read(self._wake, 512)
        if self.alive():
            self._stop()
        if self._archive and self._process and self._process.returncode in _GOOD_ENDS:
            keep(Path(self._archive[0]), Path(self._archive[1]))
        self.files.remove_record(self.token)

    def _lost(self) -> bool:
        """Whether a full disk has stopped the database; others may ask the server to end as soon as there is room."""
        return is_full(self.files.home) and has_panicked(self.files, self.record)

    def _used(self) -> bool:
        if not self._clients.acquire():
            return True
        self._clients.release()
        return self._connections() > 0

    def _touched(self) -> float:
        """When a client last came or went; never in the future."""
        return min(self._clients.touched(), time.time())

    def _connections(self) -> int:
        ports = {port for port in (self.record.bolt_port, self.record.http_port) if port}
        return client_connections(self.record.pid, ports)

    def _stop(self) -> None:
        self._clients.acquire()  # keeps newcomers waiting; those who are there when asked to stop lose their server
        self._record = replace(self.record, state="stopping")
        with contextlib.suppress(OSError):  # a full disk must not keep it alive
            self.files.write_record(self._record)
        end_server(self.files, self.record, self.alive)


def _detach(log: Path) -> None:
    """Leave the caller's folder and streams."""
    os.chdir("/")
    os.umask(0o077)
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _supervise(files: Files, token: str, pipe: int, *, adopt: bool) -> int:
    with Flock(files.supervisor_lock) as lock, os.fdopen(pipe, "w", encoding="utf-8") as answer:
        try:
            if not lock.acquire(seconds=_LOCK_SECONDS):
                answer.write("another supervisor is at work")
                return 1
            _detach(files.supervisor_log)
            supervisor = _Supervisor(files, token)
            (supervisor.adopt if adopt else supervisor.launch)()
            answer.write("ok")
        except (OSError, ValueError, KeyError) as error:
            answer.write(str(error))
            return 1
        answer.close()
        supervisor.watch()
        return 0


def main(arguments: list[str]) -> int:
    """Fork, answer on standard output how the launch went, and leave the daemon behind.

    Parameters
    ----------
    arguments : list of str
        Neo4j's home, the token of the launch, perhaps ``--adopt``.
    """
    home, token = arguments[:2]
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        return _supervise(Files(Path(home)), token, writing, adopt="--adopt" in arguments)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        answer = pipe.read()
    sys.stdout.write(answer or "the supervisor ended")
    sys.stdout.flush()
    os._exit(0 if answer == "ok" else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
