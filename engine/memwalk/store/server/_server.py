# SPDX-License-Identifier: Apache-2.0
"""The local Neo4j of a data directory: started, joined, left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from memwalk.errors import ServerFailed, StoreBusy
from memwalk.store.server import _launch, _process
from memwalk.store.server._archive import Archive
from memwalk.store.server._configuration import java_path, neo4j_conf
from memwalk.store.server._files import Files, Flock, storage_errors, write_private
from memwalk.store.server._gate import Gate
from memwalk.store.server._jars import BROWSER, JarCache
from memwalk.store.server._process import STOP_SECONDS
from memwalk.store.server._swap import settle, staging

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from memwalk.config import ServerSettings
    from memwalk.progress import Progress
    from memwalk.store.server._files import Record
    from memwalk.store.server._gate import Generation

__all__ = ["Lease", "LocalServer", "ServerAddress", "ServerStatus"]

_DATABASE = "neo4j"
_STAGED_IDLE_SECONDS = 60.0
_ANY_PORT = 7687


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a running server answers, and as whom."""

    uri: str
    username: str
    password: str = field(repr=False)
    database: str
    http_uri: str | None
    version: str
    pid: int

    @property
    def browser_uri(self) -> str | None:
        """The page Neo4j Browser, if the server serves it."""
        return f"{self.http_uri}/browser/" if self.http_uri else None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A running server, seen from outside."""

    state: str
    """`starting`, `ready` or `stopping`."""
    version: str
    uri: str
    http_uri: str | None
    pid: int
    supervisor_pid: int | None
    """None if it died; the next to join starts another."""
    started_at: float
    """Seconds since the epoch."""
    idle_seconds: float
    leased: bool
    """Whether some memwalk has the directory open."""
    connections: int
    """Connected TCP clients of any kind."""


class Lease:
    """A client's hold on a running server: it is not stopped for idleness while one is open.

    Attributes
    ----------
    endpoint : ServerAddress
    generation : Generation
        Of the server when it was joined.
    """

    def __init__(
        self,
        server: LocalServer,
        endpoint: ServerAddress,
        generation: Generation,
        hold: Flock,
        progress: Progress | None,
    ) -> None:
        self.endpoint = endpoint
        self.generation = generation
        self._server = server
        self._hold = hold
        self._progress = progress

    def passage(self) -> AbstractContextManager[Generation]:
        """Every operation on the server runs inside this: maintenance waits for its end, and it for maintenance's."""
        return self._server.gate.passage(self._progress)

    def renew(self) -> ServerAddress:
        """Inside the passage, after a maintenance: where the server answers now; it is started if need be."""
        self.endpoint = self._server.rejoin(self._hold, self._progress)
        return self.endpoint

    def close(self) -> None:
        """Give the hold back. Closing twice is harmless."""
        self._hold.close()
        self._server.gate.rest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LocalServer:
    """A Neo4j Community on this machine, one for each data directory, shared by all who open it.

    Parameters
    ----------
    directory : Path
        The data directory. Everything of Neo4j lies in its folder `neo4j`.
    settings : ServerSettings
    cache : Path
        Jars are kept in its folder `jars`.
    offline : bool
        Never ask the network for jars.

    Notes
    -----
    The server listens on loopback only, with a random password in a file for this user alone. It outlives the process
    that started it; a supervisor process stops it after `settings.idle_seconds` without a lease and without another
    program connected to it. Whoever finds that java, the supervisor, or both were killed starts them again.

    Examples
    --------
    ::

        with LocalServer(directory, settings, cache).join() as lease:
            driver = neo4j.GraphDatabase.driver(
                lease.endpoint.uri, auth=(lease.endpoint.username, lease.endpoint.password)
            )
    """

    def __init__(self, directory: Path, settings: ServerSettings, cache: Path, offline: bool = False) -> None:
        self.directory = directory.expanduser().resolve()
        self.settings = settings
        self.jars = JarCache(cache / "jars", offline=offline)
        self.files = Files(self.directory / "neo4j")
        self.gate = Gate.of(self.files.home)

    # --- joining ---------------------------------------------------------------------------------

    def join(self, progress: Progress | None = None, http: bool = False) -> Lease:
        """Join the running server, or start it first.

        Parameters
        ----------
        progress : Progress, optional
        http : bool
            Serve HTTP and the page Neo4j Browser too. A server that runs without is restarted if nobody else
            uses it.

        Returns
        -------
        Lease

        Raises
        ------
        ConfigurationError
            A setting has no meaning, the directory cannot be written, or a newer Neo4j has been there.
        DownloadFailed
            Jars are missing and cannot be fetched.
        StorageFull
        ServerFailed
            It did not start.
        StoreBusy
            It runs for others, in another way than asked; or somebody is starting or stopping it for too long.
        """
        if self._usable(http=http) is None:
            _launch.check_directory(self.files, self.settings)
            self._fetch(http=http, progress=progress)  # before any lock: it may take minutes
        self.files.make_home()
        with self.gate.passage(progress) as generation:
            self.files.make()
            hold = Flock(self.files.clients_lock)
            try:
                return Lease(self, self.rejoin(hold, progress, http=http), generation, hold, progress)
            except BaseException:
                hold.close()
                raise

    def rejoin(self, hold: Flock, progress: Progress | None, *, http: bool = False) -> ServerAddress:
        """Inside the gate, with a client's lock of one's own: join the running server, or start it first."""
        self._take(hold)
        hold.touch()
        return self._address(self._usable(http=http) or self._start(hold, http=http, progress=progress))

    def _take(self, hold: Flock) -> None:
        """Take the clients' lock, which a supervisor holds while it stops an idle server."""
        if not hold.acquire(shared=True, seconds=STOP_SECONDS + 10.0):
            raise StoreBusy(f"the Neo4j of {self.directory} is stopping, and does not end")

    def start(self, progress: Progress | None = None, http: bool = False) -> ServerStatus:
        """Start the server, or leave it running; it stays until it is stopped or idle."""
        self.join(progress, http=http).close()
        status = self.status()
        if status is None:
            raise ServerFailed("Neo4j ended as soon as it had started", self.files.console)
        return status

    def _usable(self, *, http: bool) -> Record | None:
        """The running server, if it answers, is looked after, and is what was asked for."""
        record = self.files.read_record()
        if (
            record
            and record.state == "ready"
            and self._suits(record, http=http)
            and _process.is_server(record.pid, record.token)
            and _launch.supervised(self.files)
            and _process.bolt_answers(record.bolt_port)
        ):
            return record
        return None

    def _suits(self, record: Record, *, http: bool) -> bool:
        return record.version == self.settings.version and (record.http_port is not None or not http)

    def _start(self, hold: Flock, *, http: bool, progress: Progress | None) -> Record:
        with Flock(self.files.start_lock) as lock:
            if not lock.acquire(seconds=self.settings.start_seconds + 2 * STOP_SECONDS):
                raise StoreBusy(f"another process has been starting the Neo4j of {self.directory} for too long")
            if record := self._usable(http=http):
                return record  # somebody else was quicker
            record = _launch.recover(self.files)
            if record is None:
                self.settle()
            _launch.check_directory(self.files, self.settings)
            self._fetch(http=http, progress=progress)
            if record and not self._suits(record, http=http):
                self._stop_unused(record, hold)
                record = None
            if record:
                record = self._rejoin(record, progress)
            return record or _launch.launch(self.files, self.settings, self.jars, http=http, progress=progress)

    def class_archive(self) -> Archive:
        """The archive of classes, for another java of the same class path."""
        return Archive(self.jars.root, java_path(), self.jars.fetch([self.settings.version]))

    def prepare(self, progress: Progress | None) -> Archive:
        """Make a new data directory ready for neo4j-admin, before its server's first start."""
        self.files.make()
        with storage_errors(self.files.home):
            write_private(self.files.conf / "neo4j.conf", neo4j_conf(self.settings, _ANY_PORT, None))
        return _launch.prepare(self.files, self.settings, self.jars, progress=progress)

    def settle(self) -> None:
        """With nothing running here: finish or clear away what a maintenance that was killed has left."""
        staged = self.staged()
        staged.stop()
        settle(self.files)

    def staged(self) -> LocalServer:
        """The server of the data directory in which maintenance makes another graph ready."""
        settings = replace(self.settings, bolt_port=0, http_port=0, idle_seconds=_STAGED_IDLE_SECONDS)
        cache = self.jars.root.parent
        return LocalServer(staging(self.files), settings, cache, offline=self.jars.offline)

    def _rejoin(self, record: Record, progress: Progress | None) -> Record | None:
        """A server that somebody else started, looked after again and answering; None if it is ending."""
        if not _launch.supervised(self.files):
            try:
                _launch.supervise(self.files, record.token, "--adopt")
            except ServerFailed:
                if _process.is_server(record.pid, record.token):
                    raise
        if ready := _launch.wait_ready(self.files, record, self.settings.start_seconds, progress):
            return ready
        return _launch.recover(self.files)

    def _stop_unused(self, record: Record, hold: Flock) -> None:
        """Stop a server that is not what was asked for, unless others use it."""
        hold.release()
        alone = hold.acquire()
        others = _process.client_connections(record.pid, {record.bolt_port, record.http_port or 0})
        if alone and not others:
            _launch.stop(self.files, record)
        self._take(hold)
        if not alone or others:
            way = f"Neo4j {record.version}" + ("" if record.http_port else " without its Browser")
            raise StoreBusy(
                f"others use {self.directory}, where {way} runs: let them finish, or stop it with `memwalk db stop`"
            )

    def _fetch(self, *, http: bool, progress: Progress | None) -> None:
        self.jars.fetch([self.settings.version, *([BROWSER] if http else [])], progress)

    def _address(self, record: Record) -> ServerAddress:
        return ServerAddress(
            uri=f"bolt://{_process.HOST}:{record.bolt_port}",
            username=_launch.USERNAME,
            password=self.files.read_line(self.files.password),
            database=_DATABASE,
            http_uri=f"http://{_process.HOST}:{record.http_port}" if record.http_port else None,
            version=record.version,
            pid=record.pid,
        )

    # --- looking and stopping --------------------------------------------------------------------

    def status(self) -> ServerStatus | None:
        """The running server, or None; nothing is started and nothing made."""
        record = self.files.read_record()
        if record is None or not _process.is_server(record.pid, record.token):
            return None
        address = self._address(record)
        with Flock(self.files.clients_lock) as lock:
            leased = not lock.acquire()
        return ServerStatus(
            state=record.state,
            version=record.version,
            uri=address.uri,
            http_uri=address.http_uri,
            pid=record.pid,
            supervisor_pid=record.supervisor_pid if _launch.supervised(self.files) else None,
            started_at=record.started_at,
            idle_seconds=record.idle_seconds,
            leased=leased,
            connections=_process.client_connections(record.pid, {record.bolt_port, record.http_port or 0}),
        )

    def stop(self) -> bool:
        """Stop the server, whoever uses it, and wait until it has ended; whether there was one.

        Raises
        ------
        StoreBusy
            It does not end, or somebody has been starting it for too long.
        """
        if not self.files.home.is_dir():
            return False
        try:
            with self.gate.passage(), Flock(self.files.start_lock) as lock:
                if not lock.acquire(seconds=self.settings.start_seconds + STOP_SECONDS):
                    raise StoreBusy(f"another process has been starting the Neo4j of {self.directory} for too long")
                record = _launch.recover(self.files)
                if record:
                    _launch.stop(self.files, record)
                return record is not None
        finally:
            self.gate.rest()

    @property
    def log_files(self) -> list[Path]:
        """The logs there are, the most telling first."""
        logs = self.files.logs
        candidates = [self.files.console, logs / "neo4j.log", logs / "debug.log", self.files.supervisor_log]
        return [path for path in candidates if path.is_file()]

    def environment(self, progress: Progress | None = None) -> dict[str, str]:
        """The variables with which any Neo4j tool joins the server; it is started if need be."""
        with self.join(progress) as lease:
            return {
                "NEO4J_URI": lease.endpoint.uri,
                "NEO4J_USERNAME": lease.endpoint.username,
                "NEO4J_PASSWORD": lease.endpoint.password,
                "NEO4J_DATABASE": lease.endpoint.database,
            }
