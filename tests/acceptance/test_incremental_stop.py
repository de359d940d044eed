# SPDX-License-Identifier: Apache-2.0
"""An `add` that is stopped or killed: what was committed stays, a rerun adds the rest, nothing else differs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.conftest import OWNER, wipe
from tests.live_graph import differences, live_graph

from memwalk import policy
from memwalk.errors import WrongState
from memwalk.ingest import _pipeline
from memwalk.store import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from memwalk.memory import Memory

BATCH = 3
ADD = f"""
import sys
from memwalk.cli import main
from memwalk.ingest import _pipeline
_pipeline.BATCH_PASSAGES = {BATCH}
sys.argv[0] = "memwalk"
main()
"""


def test_ctrl_c_loses_the_batch_in_flight_and_no_more(
    memory: Memory, store_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by a real SIGINT after the first batch: whole batches are there; then all, as of one load."""
    folder, store = tmp_path / "folder", memory._session.store
    folder.mkdir()
    for number in range(40):
        text = (
            f"# Engine {number}\n\nEngine {number} was built by Maker {number % 7} in London in {1800 + number % 5}.\n"
        )
        (folder / f"{number:02}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", ADD, "add", str(folder), "--store", str(store_directory), "--as", OWNER]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("documents"):
            assert line, "it ended before its first batch"
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
    assert process.returncode == 128 + signal.SIGINT
    assert "interrupted" in told
    done = len(_documents(memory))
    assert 0 < done < 40
    assert done % BATCH == 0
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 7)
    report = memory.add(folder)
    assert (report.documents, report.unchanged) == (40 - done, done)
    found = live_graph(store)
    wipe(store)
    migrate(store)
    policy.set_owner(store, OWNER)
    policy.create_space(store, OWNER, "default")
    memory.add(folder)
    assert differences(found, live_graph(store)) == []


def test_kill_9_within_a_long_document(
    memory: Memory, store_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole parts are there, of a document that is called unfinished and not built from; then all, as of one load."""
    file, store = tmp_path / "long.txt", memory._session.store
    sentences = (f"Engine {n} was built by Maker {n % 7} in London in {1800 + n % 50}." for n in range(800))
    file.write_text(" ".join(sentences), encoding="utf-8")
    command = [sys.executable, "-c", ADD, "add", str(file), "--store", str(store_directory), "--as", OWNER]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("characters"):
            assert line, "it ended before its first part"
        process.kill()
    done = memory.cypher("MATCH (p:Passage {state: 'live'}) RETURN count(p)")[1][0][0]
    assert done > 0
    assert done % BATCH == 0
    assert memory.show("long").properties["unfinished"] == "add"
    with pytest.raises(WrongState):
        memory.build_kv(["long"])
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 7)
    report = memory.add(file)
    assert (report.documents, report.passages, report.embedded) == (1, report.extracted, report.extracted)
    total = memory.cypher("MATCH (p:Passage {state: 'live'}) RETURN count(p)")[1][0][0]
    assert report.passages == total - done > 0
    assert memory.show("long").properties.get("unfinished") is None
    found = live_graph(store)
    wipe(store)
    migrate(store)
    policy.set_owner(store, OWNER)
    policy.create_space(store, OWNER, "default")
    monkeypatch.setattr(_pipeline, "BATCH_PASSAGES", 256)
    memory.add(file)
    assert differences(found, live_graph(store)) == []


def _documents(memory: Memory) -> list[list[str]]:
    return memory.cypher("MATCH (d:Document {state: 'live'}) RETURN d.id", limit=99)[1]
