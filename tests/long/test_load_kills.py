# SPDX-License-Identifier: Apache-2.0
"""Loading killed at random moments, and Neo4j's own checker on files that are broken."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import memwalk
from memwalk.config import CURRENT, LTS, Settings
from memwalk.memory import check_store, dump_store, load_store
from memwalk.store.server import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 8

LOADER = """
import sys
from memwalk.memory import load_store
load_store(sys.argv[2], sys.argv[1], replace=True)
"""


@pytest.mark.parametrize("version", [LTS, CURRENT])
def test_kill_9_at_random_moments_of_loading(
    version: str, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The directory holds the old store or the new one, whole, whenever it is opened next."""
    chance = random.Random(20261122)
    settings = replace(settings, server=replace(settings.server, version=version, idle_seconds=60.0))
    directory, file = tmp_path / "store", tmp_path / "backup.zip"
    with memwalk.open(directory, principal="owner", settings=settings) as memory:
        memory.create_space("in-the-backup")
    dump_store(directory, file, settings=settings)
    outcomes = []
    env = {**os.environ, "MEMWALK_NEO4J_VERSION": version}
    began = time.monotonic()
    load_store(file, directory, replace=True, settings=settings)
    seconds = time.monotonic() - began
    for round_ in range(ROUNDS):
        with memwalk.open(directory, settings=settings) as memory:
            memory.create_space(f"round-{round_}")
            spaces = {space.id for space in memory.spaces()}
            with subprocess.Popen([sys.executable, "-c", LOADER, str(directory), str(file)], env=env) as loader:
                time.sleep(chance.uniform(0.0, 1.2 * seconds))
                loader.send_signal(signal.SIGKILL)
            found = {space.id for space in memory.spaces()}
        assert found in (spaces, {"default", "in-the-backup"})
        outcomes.append("old" if found == spaces else "new")
    assert check_store(directory, settings=settings).sound
    LocalServer(directory, settings.server, settings.cache_directory()).stop()
    with capsys.disabled():
        sys.stderr.write(f"\n{version}: {outcomes.count('old')} old, {outcomes.count('new')} new\n")


def test_a_check_after_kill_9_recovers_and_finds_broken_files(tmp_path: Path, settings: Settings) -> None:
    """Neo4j's own checker runs on files that a start has recovered; broken ones are told, with where to read more."""
    settings = replace(settings, server=replace(settings.server, version=LTS, idle_seconds=60.0))
    directory, file = tmp_path / "store", tmp_path / "backup.zip"
    server = LocalServer(directory, settings.server, settings.cache_directory())
    with memwalk.open(directory, principal="owner", settings=settings):
        dump_store(directory, file, settings=settings)
    os.kill(server.start().pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server.status() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert check_store(directory, settings=settings).sound
    server.stop()
    path = directory / "neo4j" / "data" / "databases" / "neo4j" / "neostore.nodestore.db"
    content = bytearray(path.read_bytes())
    for place in range(16, 600):
        content[place] ^= 0x55
    path.write_bytes(content)
    (finding,) = check_store(directory, settings=settings).findings
    assert finding.kind == "files"
    assert "contradict" in finding.detail
    load_store(file, directory, replace=True, settings=settings)
    assert check_store(directory, settings=settings).sound
    server.stop()
