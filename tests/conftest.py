# SPDX-License-Identifier: Apache-2.0
"""Real servers, started once a session by memwalk itself; each test gets an empty, migrated database."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

from memwalk.config import CURRENT, LTS, Settings, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memwalk.memory import Memory
    from memwalk.memory._session import Models
    from memwalk.store import Store

OWNER = "owner"
_WIPE = (
    "MATCH ()-[edge]->() WITH edge LIMIT 20000 DELETE edge RETURN count(*)",  # first: some nodes have most of them
    "MATCH (n) WHERE NOT $keep IN labels(n) WITH n LIMIT 10000 DELETE n RETURN count(*)",
)
_SCHEMA = (
    "SHOW INDEXES YIELD name, state RETURN name, state ORDER BY name",
    "MATCH (m:Migration) RETURN m.version, m.checksum ORDER BY m.version",
)
_migrated: dict[str, list[object]] = {}
"""What a server's schema was after its migrations, by address."""


def pytest_configure() -> None:
    """Take Ctrl-C, as the programs under test do: a shell's background job hands on that it is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With several processes the tests of one server all go to one of them, so that no server is started twice."""
    if config.getoption("dist") != "loadscope":
        return None
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _server_or_file
    return scheduler


def _server_or_file(nodeid: str) -> str:
    if CURRENT in nodeid and LTS not in nodeid:
        return CURRENT
    return LTS if LTS in nodeid or "/acceptance/" in nodeid else nodeid.partition("::")[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say on which servers the store's tests ran; under CI nothing may have been skipped."""
    passed = terminalreporter.stats.get("passed", [])
    for version in (LTS, CURRENT):
        count = sum(f"[{version}" in report.nodeid or f"-{version}" in report.nodeid for report in passed)
        terminalreporter.write_line(f"passed on Neo4j {version}: {count}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI a skip is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and os.environ.get("CI") == "true" and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings from the environment: the user's caches, so that jars and models are fetched once."""
    return Settings.from_environment()


@pytest.fixture(scope="session")
def data(settings: Settings) -> Path:
    """Folder with the evaluation data; a must under CI."""
    if settings.data is None or not settings.data.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("MEMWALK_DATA names no folder")
        pytest.skip("needs evaluation data: set MEMWALK_DATA")
    return settings.data


@pytest.fixture(scope="session")
def server_directory(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """The data directory of a running server of a version, started on first use."""
    from memwalk.store.server import LocalServer

    started: dict[str, Path] = {}
    with ExitStack() as closing:

        def start(version: str) -> Path:
            if version not in started:
                directory = tmp_path_factory.mktemp(f"neo4j-{version}")
                server = LocalServer(
                    directory, replace(settings.server, version=version, idle_seconds=60.0), settings.cache_directory()
                )
                closing.callback(server.stop)
                closing.enter_context(server.join())
                started[version] = directory
            return started[version]

        yield start


@pytest.fixture(scope="session")
def store_settings(settings: Settings, server_directory: Callable[[str], Path]) -> Callable[[str], StoreSettings]:
    """How to reach the session's server of a version."""
    from memwalk.store.server import LocalServer

    def reach(version: str) -> StoreSettings:
        server = LocalServer(
            server_directory(version), replace(settings.server, version=version), settings.cache_directory()
        )
        env = server.environment()
        return StoreSettings(env["NEO4J_URI"], env["NEO4J_USERNAME"], env["NEO4J_PASSWORD"], env["NEO4J_DATABASE"])

    return reach


def renew(store: Store) -> None:
    """Make a database what the migrations make of an empty one, without running them where their schema stands."""
    from memwalk.store import migrate

    wipe(store, keep="Migration")
    if _schema(store) == _migrated.get(store.uri):
        store.write(
            lambda tx: tx.run("store/create_store", uuid=str(uuid.uuid4()), at=tx.at), operation="test", principal=""
        )
        return
    wipe(store)
    migrate(store)
    _migrated[store.uri] = _schema(store)


def _schema(store: Store) -> list[object]:
    return [store.run_text(statement, {}, write=False, limit=1_000)[1] for statement in _SCHEMA]


def wipe(store: Store, keep: str = "") -> None:
    """Empty a database, but for the nodes of a label; its schema stays."""
    for statement in _WIPE:
        left = 1
        while left:  # a large graph does not fit into one transaction
            left = store.run_text(statement, {"keep": keep}, write=True, limit=1)[1][0][0]


@pytest.fixture(params=[LTS, CURRENT])
def store(request: pytest.FixtureRequest, store_settings: Callable[[str], StoreSettings]) -> Iterator[Store]:
    """An empty, migrated store owned by `OWNER`, on the LTS and on the current release."""
    from memwalk import policy
    from memwalk.store import Store

    with Store.connect(store_settings(request.param)) as opened:
        renew(opened)
        policy.set_owner(opened, OWNER)
        policy.create_space(opened, OWNER, "default")
        yield opened


@pytest.fixture(scope="session")
def models(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The three models, loaded once a session."""
    from memwalk.memory._session import Models

    return Models(settings, tmp_path_factory.mktemp("costs") / "costs.json", None)


@pytest.fixture
def store_directory(server_directory: Callable[[str], Path], store_settings: Callable[[str], StoreSettings]) -> Path:
    """Data directory of a running LTS server whose database, payload folder, log of reads and walk graph are empty."""
    from memwalk.store import Store

    directory = server_directory(LTS)
    for folder in (directory / "payloads", directory / "audit", directory / "walk"):
        if folder.exists():
            shutil.rmtree(folder)
    with Store.connect(store_settings(LTS)) as opened:
        wipe(opened)
    return directory


@pytest.fixture
def memory(store_directory: Path, settings: Settings, models: Models) -> Iterator[Memory]:
    """A new memory on the LTS server, opened by `OWNER`."""
    import memwalk

    with memwalk.open(store_directory, principal=OWNER, settings=settings) as opened:
        opened._session.models = models
        yield opened
