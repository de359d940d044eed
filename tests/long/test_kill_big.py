# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server within one transaction that is larger than a file of its log."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import writers

import memwalk
from memwalk.config import CURRENT, LTS
from memwalk.store.server import LocalServer
from memwalk.units import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.config import Settings

ROUNDS = 8
UNITS = 1_000


def _write(directory: Path, settings: Settings, name: str, begun: Path, done: Path) -> None:
    with memwalk.open(directory, principal="owner", settings=settings) as memory:
        units = [writers.document(new_id(), "x" * 6_000, name) for _ in range(UNITS)]  # 12 MB of log, and more
        begun.touch()
        writers.put(memory._session.store, units)
        done.touch()


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_kill_9_within_a_big_transaction(
    version: str, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is there whole or not at all, the acknowledged ones are there, and the server starts again."""
    chance = random.Random(20261122)
    settings = replace(settings, server=replace(settings.server, version=version, idle_seconds=120.0))
    directory = tmp_path / "store"
    server = LocalServer(directory, settings.server, settings.cache_directory())
    begun, done = tmp_path / "begun", tmp_path / "done"
    _write(directory, settings, "first", begun, done)
    seconds = done.stat().st_mtime - begun.stat().st_mtime
    acknowledged = {"first"}
    committed: dict[str, int] = {}
    for round_ in range(ROUNDS):
        begun.unlink()
        done.unlink(missing_ok=True)
        writer = multiprocessing.get_context("spawn").Process(
            target=_write, args=(directory, settings, f"round {round_}", begun, done)
        )
        writer.start()
        deadline = time.monotonic() + 120
        while not begun.exists():
            assert time.monotonic() < deadline, "the writer did not begin"
            time.sleep(0.01)
        pid = server.start().pid
        time.sleep(chance.uniform(0.2, 1.1) * seconds)
        os.kill(pid, signal.SIGKILL)
        writer.kill()
        writer.join()
        if done.exists():
            acknowledged.add(f"round {round_}")
        with memwalk.open(directory, principal="owner", settings=settings) as memory:
            store = memory._session.store
            committed = dict(writers.rows(store, "MATCH (u:Unit)-[:HEAD]->(:Version) RETURN u.name, count(u)"))
            assert set(committed.values()) == {UNITS}
            assert acknowledged <= committed.keys()
            writers.check_changes(store)
    server.stop()
    with capsys.disabled():
        sys.stderr.write(
            f"\n{ROUNDS} kills on Neo4j {version}: {len(acknowledged) - 1} of the transactions were acknowledged, "
            f"{len(committed) - 1} are there\n"
        )
