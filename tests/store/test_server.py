# SPDX-License-Identifier: Apache-2.0
"""The local Neo4j: shared, stopped when idle, recovered after kill -9, refused clearly. Real servers."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import neo4j
import psutil
import pytest

from memwalk.config import CURRENT, LTS, Settings
from memwalk.errors import ConfigurationError, StoreBusy
from memwalk.store.server import LocalServer, _launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memwalk.store.server import Lease, ServerStatus

IDLE = 3.0

OPENER = """
import json, sys
from pathlib import Path
from memwalk.config import ServerSettings
from memwalk.store.server import LocalServer
directory, cache, version = sys.argv[1:]
server = LocalServer(Path(directory), ServerSettings(version=version, idle_seconds=3.0), Path(cache))
with server.join() as lease:
    print(json.dumps({"pid": lease.endpoint.pid, "uri": lease.endpoint.uri}), flush=True)
    sys.stdin.read()
"""


class World:
    """One data directory and processes that open it."""

    def __init__(self, directory: Path, version: str, cache: Path) -> None:
        self.settings = replace(Settings().server, version=version, idle_seconds=IDLE)
        self.directory = directory
        self.cache = cache
        self.server = LocalServer(directory, self.settings, cache)
        self.home = directory / "neo4j"
        self.pids: set[int] = set()
        """Of the servers that those got who opened the new directory at once."""

    def opener(self) -> subprocess.Popen[str]:
        """A process that joins, prints what it got, and stays until its input ends."""
        command = [sys.executable, "-c", OPENER, str(self.directory), str(self.cache), self.settings.version]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self.server.join() as lease:
            return query_lease(lease, query, **parameters)

    def status(self) -> ServerStatus:
        status = self.server.status()
        assert status is not None
        return status


def query_lease(lease: Lease, query: str, **parameters: Any) -> list[dict[str, Any]]:
    endpoint = lease.endpoint
    with neo4j.GraphDatabase.driver(endpoint.uri, auth=(endpoint.username, endpoint.password)) as driver:
        return driver.execute_query(query, parameters, database_=endpoint.database).records  # type: ignore[return-value]


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate()


def kill(*pids: int | None) -> None:
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def eventually(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], World]]:
    """A data directory for each version, made by two processes and four threads that open it at once."""
    made: dict[str, World] = {}

    def world(version: str) -> World:
        if version not in made:
            directory = tmp_path_factory.mktemp(version) / "a directory, größer"
            new = made[version] = World(directory, version, Settings.from_environment().cache_directory())
            openers = [new.opener() for _ in range(2)]
            with ThreadPoolExecutor(4) as pool:
                leases = list(pool.map(lambda _: new.server.join(), range(4)))
            new.pids = {first_line(opener)["pid"] for opener in openers}
            new.pids |= {lease.endpoint.pid for lease in leases}
            for opener in openers:
                leave(opener)
            for lease in leases:
                lease.close()
        return made[version]

    yield world
    for one in made.values():
        one.server.stop()


@pytest.fixture(params=[LTS, CURRENT])
def world(request: pytest.FixtureRequest, worlds: Callable[[str], World]) -> World:
    """The directory of either version."""
    return worlds(request.param)


@pytest.fixture
def lts(worlds: Callable[[str], World]) -> World:
    """The directory of the LTS."""
    return worlds(LTS)


def test_processes_and_threads_that_open_a_new_directory_at_once_share_one_server(world: World) -> None:
    assert len(world.pids) == 1
    rows = world.run("CALL dbms.components() YIELD name, versions, edition RETURN *")
    (kernel,) = (row for row in rows if row["name"] == "Neo4j Kernel")
    assert (kernel["versions"], kernel["edition"]) == ([world.settings.version], "community")


def test_newcomers_make_folders_while_one_makes_ready(tmp_path: Path) -> None:
    """Whoever opens makes the folders that are missing, without the starter's lock; neither fails for it."""
    server = LocalServer(tmp_path, Settings().server, Settings.from_environment().cache_directory())
    server.files.make()
    server.files.password.write_text("not asked for here")

    def make() -> None:
        for _ in range(2_000):
            server.files.make()

    with ThreadPoolExecutor() as pool:
        making = [pool.submit(make) for _ in range(2)]
        while not all(each.done() for each in making):
            _launch.prepare(server.files, server.settings, server.jars)
        for each in making:
            each.result()
    assert list(server.files.scratch.iterdir()) == []


def test_only_this_user_and_only_this_machine_can_reach_it(world: World) -> None:
    with world.server.join() as lease:
        for path in (world.home / "password", world.home / "server.json"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(world.home.stat().st_mode) == 0o700
        password = (world.home / "password").read_text().strip()
        assert password == lease.endpoint.password
        assert password not in repr(lease.endpoint)
        java = psutil.Process(lease.endpoint.pid)
        assert not any(password in argument for argument in java.cmdline())
        listening = [c.laddr.ip for c in java.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}
        assert len(listening) == 1  # no HTTP


def test_the_environment_lets_any_tool_join_and_the_directory_stays_small(world: World) -> None:
    env = world.server.environment()
    auth = (env["NEO4J_USERNAME"], env["NEO4J_PASSWORD"])
    with neo4j.GraphDatabase.driver(env["NEO4J_URI"], auth=auth) as driver:
        driver.verify_connectivity()
    names = [path.name for path in world.server.log_files]
    assert names[0] == "console.log"
    assert "debug.log" in names
    size = sum(path.stat().st_blocks * 512 for path in (world.home / "data").rglob("*"))
    assert size < 20 * 2**20


def test_a_new_supervisor_takes_over_and_stops_it_when_idle_but_not_while_a_program_is_connected(lts: World) -> None:
    with lts.server.join() as lease:
        before = lts.status()
        kill(before.supervisor_pid)
        eventually(lambda: lts.status().supervisor_pid is None)
        with lts.server.join() as again:
            assert again.endpoint.pid == lease.endpoint.pid
        assert lts.status().supervisor_pid not in {None, before.supervisor_pid}
        auth = (lease.endpoint.username, lease.endpoint.password)
    with neo4j.GraphDatabase.driver(lease.endpoint.uri, auth=auth) as foreign:
        foreign.execute_query("RETURN 1")
        time.sleep(IDLE * 1.5)
        status = lts.status()
        assert (status.pid, status.leased) == (before.pid, False)
        assert status.connections > 0
    left = time.monotonic()
    eventually(lambda: lts.server.status() is None)
    assert time.monotonic() - left >= IDLE - 1.0  # it was last seen connected at the poll before
    eventually(lambda: not (lts.home / "server.json").exists())


def test_kill_9_of_java_and_the_next_join_finds_it_on_the_same_port(lts: World) -> None:
    with lts.server.join() as lease:
        kill(lease.endpoint.pid)
        with lts.server.join() as again:  # at once: the killed process is still there for a moment
            assert again.endpoint.pid != lease.endpoint.pid
            assert again.endpoint.uri == lease.endpoint.uri
            assert query_lease(again, "RETURN 1 AS one")[0]["one"] == 1


def test_kill_9_of_opener_supervisor_and_java_loses_nothing_and_the_next_join_just_works(world: World) -> None:
    opener = world.opener()
    pid = first_line(opener)["pid"]
    world.run("CREATE (:Kept {by: $pid})", pid=pid)
    status = world.status()
    assert status.leased
    kill(opener.pid, status.supervisor_pid, pid)
    leave(opener)
    with world.server.join() as lease:
        assert lease.endpoint.pid != pid
        assert query_lease(lease, "MATCH (k:Kept {by: $pid}) RETURN count(k) AS n", pid=pid)[0]["n"] == 1


def test_stop_then_stale_files_then_an_opener_killed_while_it_starts(lts: World) -> None:
    with lts.server.join() as lease:
        record = json.loads((lts.home / "server.json").read_text())
    assert lts.server.stop()
    assert lts.server.status() is None
    assert not lts.server.stop()
    innocent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    record |= {"pid": innocent.pid, "supervisor_pid": innocent.pid}
    (lts.home / "server.json").write_text(json.dumps(record))
    assert lts.server.status() is None
    assert not lts.server.stop()
    (lts.home / "server.json").write_text('{"torn": ')
    opener = lts.opener()
    eventually(lambda: lts.server.status() is not None)
    kill(opener.pid)
    leave(opener)
    assert lts.status().state == "starting"
    pid = lts.status().pid
    with lts.server.join() as lease:
        assert lease.endpoint.pid == pid
        assert lts.status().state == "ready"
    assert innocent.poll() is None
    innocent.communicate(b"\n")


def test_the_browser_is_served_when_asked_and_nobody_is_thrown_out_for_it(lts: World) -> None:
    with lts.server.join() as lease:
        if lease.endpoint.http_uri is None:
            with pytest.raises(StoreBusy, match="memwalk db stop"):
                lts.server.join(http=True)
            assert lts.status().pid == lease.endpoint.pid
    with lts.server.join(http=True) as lease:
        assert lease.endpoint.browser_uri is not None
        with urllib.request.urlopen(lease.endpoint.browser_uri, timeout=10) as page:
            assert b"<title>Neo4j Browser</title>" in page.read()
        with lts.server.join() as other:
            assert other.endpoint.pid == lease.endpoint.pid
    lts.server.stop()  # the other tests want it without


def test_a_newer_neo4j_takes_a_directory_over_and_an_older_one_is_refused(tmp_path: Path, lts: World) -> None:
    with lts.server.join() as lease:
        query_lease(lease, "MERGE (:Old {v: $v})", v=[0.5] * 8)
    lts.server.stop()
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(lts.directory), str(copy)], check=True)
    newer = LocalServer(copy, replace(lts.settings, version=CURRENT), lts.cache)
    older = LocalServer(copy, lts.settings, lts.cache)
    with newer.join() as lease:
        assert lease.endpoint.version == CURRENT
        assert query_lease(lease, "MATCH (o:Old) RETURN size(o.v) AS n")[0]["n"] == 8
        with pytest.raises(ConfigurationError, match=f"{CURRENT} or later"):
            older.join()
    newer.stop()
    with pytest.raises(ConfigurationError, match="does not go back"):
        older.join()
