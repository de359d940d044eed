# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server and of a writer at random moments: what was acknowledged is there, the next one works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import memwalk
from memwalk.store.server import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from memwalk.config import Settings

ROUNDS = 30

WRITER = """
import sys
import memwalk
from memwalk.units import NewUnit, new_id, put_units, record_activity
with memwalk.open(sys.argv[1]) as memory:
    store = memory._session.store
    while True:
        units = [
            NewUnit(new_id(), "Document", "d", "", space="default")
            for _ in range(5)
        ]
        store.write(
            lambda tx: put_units(tx, record_activity(tx, memory.principal, "test"), units),
            operation="test",
            principal=memory.principal,
        )
        print(*(unit.id for unit in units), flush=True)
"""


def test_kill_loop(tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Acknowledged units are whole after each kill; change numbers have no gap."""
    chance = random.Random(20261122)
    acknowledged: set[str] = set()
    server = LocalServer(tmp_path, replace(settings.server, idle_seconds=60), settings.cache_directory())
    with memwalk.open(tmp_path, principal="owner"):
        pass
    for round_ in range(ROUNDS):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            line = writer.stdout.readline()
            time.sleep(chance.uniform(0.0, 2.0))
            status = server.status()
            assert status is not None
            victims = [status.pid, writer.pid] if round_ % 2 else [writer.pid]
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            rest = writer.stdout.read()
        whole = [row for row in (line + rest).splitlines() if len(row) == 5 * 36 + 4]
        acknowledged.update(unit for row in whole for unit in row.split())
        with memwalk.open(tmp_path, principal="owner") as memory:
            rows = memory.cypher(
                "MATCH (u:Document) OPTIONAL MATCH (u)-[:HEAD]->(v:Version)-[:WAS_GENERATED_BY]->(:Activity) "
                "RETURN u.id, count(v)",
                limit=1_000_000,
            )[1]
            assert {unit for unit, _ in rows} >= acknowledged
            assert all(heads == 1 for _, heads in rows)
            assert len(rows) % 5 == 0
            changes = memory.cypher("MATCH (c:Change) RETURN count(c), max(c.seq)")[1][0]
            assert changes[0] == changes[1]
    server.stop()
    with capsys.disabled():
        sys.stdout.write(f"\n{ROUNDS} rounds, {len(acknowledged)} units acknowledged, none missing\n")
    assert len(acknowledged) > 5 * ROUNDS
