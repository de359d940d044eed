# SPDX-License-Identifier: Apache-2.0
"""Making a server ready for its first start, launching it, waiting for its first answer, stopping it."""

from __future__ import annotations

import functools
import json
import logging
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memwalk.errors import AuthenticationFailed, ConfigurationError, ServerFailed, StorageFull, StoreBusy
from memwalk.store.server import _process
from memwalk.store.server._archive import Archive
from memwalk.store.server._configuration import (
    check_settings,
    java_arguments,
    java_environment,
    java_path,
    main_class,
    neo4j_conf,
)
from memwalk.store.server._failure import failure, full_disk
from memwalk.store.server._files import Files, Flock, storage_errors, write_private
from memwalk.store.server._jars import BROWSER, version_key
from memwalk.store.server._panic import USERNAME, ask, end_server
from memwalk.store.server._password import set_password
from memwalk.store.server._process import STOP_SECONDS

if TYPE_CHECKING:
    from memwalk.config import ServerSettings
    from memwalk.progress import Progress
    from memwalk.store.server._files import Record
    from memwalk.store.server._jars import JarCache

__all__ = ["USERNAME", "check_directory", "launch", "prepare", "recover", "stop", "supervised", "wait_ready"]

FIRST_START_BYTES = 100 * 2**20
_START_BYTES = 16 * 2**20
_SPAWN_SECONDS = 60.0
_ORPHAN_SECONDS = 30.0
_MARGIN_SECONDS = 20.0
"""What a supervisor needs beside the time that it gives the server to end."""
_ATTEMPTS = 3

# Not `-m`: memwalk may be on this process's path without being installed.
_ROOT = str(Path(__file__).parents[3])
_PORT_SECONDS = 3.0
_BOOT = f"import sys; sys.path.append({_ROOT!r}); from {_process.SUPERVISOR} import main; main(sys.argv[2:])"

logger = logging.getLogger("memwalk.store")


def check_directory(files: Files, settings: ServerSettings) -> None:
    """Refuse what cannot start, before anything is made or fetched.

    Raises
    ------
    ConfigurationError
        A setting has no meaning, or a newer Neo4j has been here.
    StorageFull
    """
    check_settings(settings)
    there = files.read_line(files.version)
    if there and version_key(settings.version) < version_key(there):
        raise ConfigurationError(
            "MEMWALK_NEO4J_VERSION",
            settings.version,
            f"{there} or later: {files.home.parent} was last opened by Neo4j {there}, and Neo4j does not go back",
        )
    with storage_errors(files.home):
        existing = next(folder for folder in (files.home, *files.home.parents) if folder.exists())
        needed = _START_BYTES if files.password.exists() else FIRST_START_BYTES
        free = shutil.disk_usage(existing).free
    if free < needed:
        raise StorageFull(
            files.home.parent, f"{free / 2**20:.0f} MB are free, Neo4j needs {needed / 2**20:.0f} MB to start"
        )


def supervised(files: Files) -> bool:
    """Whether a supervisor is alive."""
    with Flock(files.supervisor_lock) as lock:
        return not lock.acquire()


def recover(files: Files) -> Record | None:
    """Under the start lock: the server that runs, or None after clearing away what is left of one.

    A client that was killed while it started a server leaves a supervisor behind. If that is at work already, it writes
    its record soon, which is waited for, or its end; if not yet, it finds nothing to launch when it comes to it.
    """

    def runs() -> Record | None:
        record = files.read_record()
        return record if record and _process.is_server(record.pid, record.token) else None

    for _ in range(_ATTEMPTS):
        _process.wait_until(lambda: runs() is not None or not supervised(files), _ORPHAN_SECONDS)
        if record := runs():
            if record.state != "stopping":
                return record
            _process.wait_until(lambda: runs() is None, STOP_SECONDS)
        for pid in _process.strays(files.home):
            logger.warning("process %d is left of an earlier server in %s; it is stopped", pid, files.home)
            _process.stop_process(pid, functools.partial(_process.is_stray, pid, files.home), STOP_SECONDS)
        with Flock(files.supervisor_lock) as lock:  # never the record of a supervisor at work
            if lock.acquire():
                files.record.unlink(missing_ok=True)
                files.launch.unlink(missing_ok=True)
                break
    return None


def launch(files: Files, settings: ServerSettings, jars: JarCache, *, http: bool, progress: Progress | None) -> Record:
    """Under the start lock, with nothing running: start a server and wait for its first answer.

    Raises
    ------
    ServerFailed, StorageFull, ConfigurationError
    """
    archive = prepare(files, settings, jars, http=http, progress=progress)
    for attempt in range(_ATTEMPTS):
        bolt_port = _port("MEMWALK_NEO4J_BOLT_PORT", settings.bolt_port, files.conf / "bolt_port")
        http_port = _port("MEMWALK_NEO4J_HTTP_PORT", settings.http_port, files.conf / "http_port") if http else None
        archived = archive.path.exists()
        record = _spawn(files, settings, archive, bolt_port, http_port)
        try:
            if ready := wait_ready(files, record, settings.start_seconds, progress):
                return ready
            raise failure(files, "Neo4j ended before it answered")  # to the retries below
        except ServerFailed as error:
            taken = "already in use" in error.detail
            crashed = archived and _crashed_since(files, record.started_at)
            if attempt == _ATTEMPTS - 1 or not (taken or crashed):
                raise
            if crashed:
                logger.warning("%s; trying again without the class archive", error)
                archive.discard()
    raise AssertionError("unreachable")


def prepare(
    files: Files, settings: ServerSettings, jars: JarCache, *, http: bool = False, progress: Progress | None = None
) -> Archive:
    """Under the start lock, with nothing running: all that java needs, and a password.

    Raises
    ------
    ServerFailed, StorageFull, ConfigurationError
    """
    class_path = jars.fetch([settings.version], progress)
    browser = jars.fetch([BROWSER], progress) if http else []
    archive = Archive(jars.root, java_path(), class_path)
    with storage_errors(files.home):
        shutil.rmtree(files.scratch, ignore_errors=True)
        files.scratch.mkdir(mode=0o700)
        write_private(files.arguments, java_arguments([*class_path, *browser], files.scratch))
        if not files.password.exists():
            set_password(files, archive, progress)
        write_private(files.version, settings.version + "\n")
    return archive


def _crashed_since(files: Files, time_of_start: float) -> bool:
    """Whether a JVM wrote a crash report, as it does when a class archive is damaged."""
    return any(report.stat().st_mtime >= time_of_start for report in files.logs.glob("hs_err_*.log"))


def _port(setting: str, asked: int, remembered: Path) -> int:
    """The fixed port; or the one of last time, so that drivers still open find the server again; or a free one."""
    if asked:
        if not _process.port_is_free(asked):
            raise ConfigurationError(setting, asked, "a port that no other program listens on; 0 picks a free one")
        return asked
    last = remembered.read_text(encoding="utf-8") if remembered.exists() else ""
    kept = last.isdecimal() and _process.becomes_free(int(last), _PORT_SECONDS)
    port = int(last) if kept else _process.free_port()
    write_private(remembered, str(port))
    return port


def _spawn(files: Files, settings: ServerSettings, archive: Archive, bolt_port: int, http_port: int | None) -> Record:
    token = secrets.token_hex(8)
    new_archive = None if http_port else files.scratch / "classes.jsa"
    with storage_errors(files.home):
        write_private(files.conf / "neo4j.conf", neo4j_conf(settings, bolt_port, http_port))
        command = [
            java_path(),
            f"@{files.arguments}",
            _process.home_option(files.home),
            _process.token_option(token),
            *archive.options(new_archive),
            "-Xms64m",
            f"-Xmx{settings.heap}",
            *shlex.split(settings.java),
            "-XX:+ExitOnOutOfMemoryError",
            f"-XX:ErrorFile={files.logs}/hs_err_%p.log",
            main_class(settings.version),
            f"--home-dir={files.home}",
            f"--config-dir={files.conf}",
            "--console-mode",
        ]
        launch = {
            "token": token,
            "command": command,
            "environment": java_environment(files),
            "version": settings.version,
            "bolt_port": bolt_port,
            "http_port": http_port,
            "idle_seconds": settings.idle_seconds,
            "archive": [str(new_archive), str(archive.path)] if new_archive else None,
        }
        with Flock(files.supervisor_lock) as lock:  # a supervisor that comes later reads this; none is at it already
            if not lock.acquire(seconds=_ORPHAN_SECONDS):
                raise ServerFailed("another supervisor is at work", files.supervisor_log)
            write_private(files.launch, json.dumps(launch))
    supervise(files, token)
    record = files.read_record()
    if record is None or record.token != token:
        raise failure(files, "Neo4j ended as soon as it was started")
    return record


def supervise(files: Files, token: str, *options: str) -> None:
    """Start a supervisor and wait until it has launched or adopted the server.

    Raises
    ------
    ServerFailed, StorageFull
    """
    command = [sys.executable, "-c", _BOOT, _process.SUPERVISOR, str(files.home), token, *options]
    try:
        result = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SPAWN_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(f"the supervisor of Neo4j did not start within {_SPAWN_SECONDS:.0f} s") from error
    if result.returncode != 0:
        detail = (result.stdout.strip() or result.stderr.strip())[-500:]
        if full_disk(detail):
            raise StorageFull(files.home.parent)
        raise ServerFailed(f"the supervisor of Neo4j did not start: {detail}", files.supervisor_log)


def wait_ready(files: Files, record: Record, seconds: float, progress: Progress | None) -> Record | None:
    """Wait until a starting server answers a query, and record that it does; None if it ended before.

    Raises
    ------
    ServerFailed
        It did not answer in time; it is stopped.
    AuthenticationFailed
        The password file is not the one the database was made with.
    """
    label = f"starting Neo4j {record.version}"
    started = time.monotonic()
    told = -1
    while True:
        if not _process.is_server(record.pid, record.token):
            return None
        elapsed = time.monotonic() - started
        if progress and int(elapsed) != told:
            told = int(elapsed)
            progress(label, told, None)
        if _process.bolt_answers(record.bolt_port) and _answers(files, record):
            break
        if elapsed > seconds:
            stop(files, record)
            raise ServerFailed(
                f"Neo4j did not answer within {seconds:.0f} s (MEMWALK_NEO4J_START); it was stopped", files.console
            )
        time.sleep(0.1)
    record = replace(files.read_record() or record, state="ready")
    with storage_errors(files.home):
        files.write_record(record)
    logger.info(
        "Neo4j %s answers on port %d after %.1f s", record.version, record.bolt_port, time.monotonic() - started
    )
    return record


def _answers(files: Files, record: Record) -> bool:
    """Whether the server answers a query."""
    from neo4j.exceptions import AuthError, DriverError, Neo4jError

    try:
        ask(files, record)
    except AuthError as error:
        raise AuthenticationFailed(f"bolt://{_process.HOST}:{record.bolt_port}", USERNAME) from error
    except (DriverError, Neo4jError) as error:
        logger.debug("not yet: %s", error)
        return False
    return True


def stop(files: Files, record: Record) -> None:
    """Stop a server, by its supervisor if that lives.

    Raises
    ------
    StoreBusy
        It still runs.
    """

    def alive() -> bool:
        return _process.is_server(record.pid, record.token)

    if _process.is_supervisor(record.supervisor_pid, files.home):

        def at_work() -> bool:
            return _process.is_supervisor(record.supervisor_pid, files.home)

        _process.stop_process(record.supervisor_pid, at_work, STOP_SECONDS + _MARGIN_SECONDS)
    end_server(files, record, alive)
    if alive():
        raise StoreBusy(f"process {record.pid} (Neo4j) does not end")
    files.remove_record(record.token)
