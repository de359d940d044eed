# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server, its supervisor and writers at random moments: what was acknowledged is there, and whole."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import killed, writers

import memwalk
from memwalk.config import CURRENT, LTS
from memwalk.store.server import LocalServer
from memwalk.units import new_id

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

    from memwalk.config import Settings

ROUNDS = 30
WRITERS = 3
VICTIMS = (("writer",), ("server",), ("server", "writer"), ("server", "supervisor"), ("supervisor",))


def _start(directory: Path, settings: Settings, shared: list[str], seed: int) -> list[tuple[SpawnProcess, Path]]:
    context = multiprocessing.get_context("spawn")
    started = []
    for number in range(WRITERS):
        log = directory / f"acknowledged-{seed}-{number}.jsonl"
        log.touch()
        process = context.Process(
            target=killed.write_until_killed,
            args=(directory / "store", settings, log, shared, WRITERS * seed + number),
        )
        process.start()
        started.append((process, log))
    return started


def _kill(pid: int | None) -> None:
    if pid:
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_kill_loop(version: str, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Acknowledged versions and payloads are whole after each kill; change numbers have no gap, the audit holds."""
    chance = random.Random(20261122)
    settings = replace(settings, server=replace(settings.server, version=version, idle_seconds=120.0))
    server = LocalServer(tmp_path / "store", settings.server, settings.cache_directory())
    shared = sorted(new_id() for _ in range(5))
    with memwalk.open(tmp_path / "store", principal="owner", settings=settings) as memory:
        writers.put(memory._session.store, [writers.document(unit, "start") for unit in shared])
    acknowledged: killed.Acknowledged = {}
    kills: Counter[str] = Counter()
    figures: dict[str, int] = {}
    for round_ in range(ROUNDS):
        started = _start(tmp_path, settings, shared, round_)
        deadline = time.monotonic() + 300
        while not all(log.stat().st_size for _, log in started):
            assert time.monotonic() < deadline, "a writer wrote nothing"
            time.sleep(0.05)
        time.sleep(chance.uniform(0.0, 4.0))
        victims = chance.choice(VICTIMS)
        status = server.status()
        assert status is not None
        pids = {"server": status.pid, "supervisor": status.supervisor_pid, "writer": started[0][0].pid}
        for victim in victims:
            kills[victim] += pids[victim] is not None
            _kill(pids[victim])
        time.sleep(chance.uniform(0.0, 1.0))
        for process, log in started:  # the others too, wherever they are by now: reconnecting, starting the server
            kills["writer"] += process.is_alive()
            _kill(process.pid)
            process.join()
            acknowledged |= killed.read_log(log)
        with memwalk.open(tmp_path / "store", principal="owner", settings=settings) as memory:
            figures = killed.check_store(memory, acknowledged, shared)
    server.stop()
    with capsys.disabled():
        sys.stderr.write(
            f"\n{ROUNDS} rounds on Neo4j {version}, killed {dict(kills)}: {len(acknowledged)} versions acknowledged, "
            f"none missing; there are {figures}\n"
        )
    assert len(acknowledged) > 5 * ROUNDS
