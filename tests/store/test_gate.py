# SPDX-License-Identifier: Apache-2.0
"""The gate of a data directory, by threads and by real processes; no server is needed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from memwalk.errors import InvalidArgument
from memwalk.store.server import Gate, Generation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSER = """
import sys, time
from pathlib import Path
from memwalk.store.server import Gate
gate = Gate.of(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    with gate.passage():
        pass
"""

KEEPER = """
import sys, time
from pathlib import Path
from memwalk.store.server import Gate
with Gate.of(Path(sys.argv[1])).alone("a test"):
    print("alone", flush=True)
    time.sleep(600)
"""


def start(code: str, home: Path) -> subprocess.Popen[str]:
    """A process that has come to its first line."""
    process = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home."""
    path = tmp_path / "neo4j"
    path.mkdir()
    return path


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a call says so."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_alone_waits_for_those_inside_and_newcomers_are_told_why_they_wait(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is inside with maintenance; who waits is told a sentence; afterwards the generation has grown."""
    gate = Gate.of(home)
    events: list[str] = []
    sentences: list[str] = []
    leave, end = threading.Event(), threading.Event()

    def operation() -> None:
        with gate.passage():
            events.append("in")
            leave.wait()
            events.append("out")

    def maintenance() -> None:
        with gate.alone("a test") as room:
            events.append("alone")
            end.wait()
            room.replaced = True
            events.append("done")

    def newcomer(told: bool) -> Generation:
        with gate.passage((lambda stage, _done, _total: sentences.append(stage)) if told else None) as generation:
            events.append("late")
            return generation

    with ThreadPoolExecutor(4) as pool, caplog.at_level(logging.WARNING, "memwalk.store"):
        pool.submit(operation)
        eventually(lambda: events == ["in"])
        pool.submit(maintenance)
        eventually(lambda: gate.notice() is not None)
        late = [pool.submit(newcomer, told=told) for told in (True, False)]
        eventually(lambda: sentences and caplog.records)
        leave.set()
        eventually(lambda: "alone" in events)
        end.set()
        generations = {future.result() for future in late}
    assert events == ["in", "out", "alone", "done", "late", "late"]
    assert generations == {Generation(server=1, data=1)}
    for sentence in (sentences[0], caplog.messages[0]):
        assert f"waiting for a test (process {os.getpid()}, since " in sentence
        assert f"in {home.parent}; this goes on by itself" in sentence
    assert gate.notice() is None


def test_a_steady_stream_of_operations_keeps_no_maintenance_from_its_turn(home: Path) -> None:
    """Processes that pass in a tight loop do not starve it, and it does not stop them for good."""
    passers = [start(PASSER, home) for _ in range(3)]
    try:
        for turn in range(1, 4):
            with Gate.of(home).alone("a test"):
                pass
            with Gate.of(home).passage() as generation:
                assert generation.server == turn
        assert all(passer.poll() is None for passer in passers)
    finally:
        for passer in passers:
            passer.kill()
            passer.communicate()


def test_who_is_inside_already_goes_on_while_maintenance_waits_for_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read within a stream does not wait for maintenance that waits for the stream; nor, at last, does a helper."""
    monkeypatch.setattr("memwalk.store.server._gate._POLITE_SECONDS", 0.6)
    gate = Gate.of(home)

    def helper() -> None:
        with gate.passage():
            pass

    with ThreadPoolExecutor(2) as pool:
        with gate.passage():
            waiting = pool.submit(lambda: gate.alone("a test").__enter__())
            eventually(lambda: gate.notice() is not None)
            with gate.passage(), gate.passage():
                pass
            pool.submit(helper).result(timeout=30)
            with pytest.raises(InvalidArgument, match="streams"), gate.alone("another"):
                pass
            assert not waiting.done()
        waiting.result(timeout=30)


def test_kill_9_of_maintenance_lets_the_others_in_and_they_read_everything_again(home: Path) -> None:
    """The locks die with it; what it may have changed is told by both generations, once to all who waited."""
    gate = Gate.of(home)
    with ThreadPoolExecutor(8) as pool:

        def operation() -> Generation:
            with gate.passage() as generation:
                return generation

        for turn in range(1, 6):
            keeper = start(KEEPER, home)
            late = [pool.submit(operation) for _ in range(8)]
            eventually(lambda: gate.notice() is not None)
            assert not any(future.done() for future in late)
            os.kill(keeper.pid, signal.SIGKILL)
            keeper.communicate()
            assert {future.result(timeout=30) for future in late} == {Generation(server=turn, data=turn)}
            assert gate.notice() is None


def test_maintenance_after_a_killed_one_tells_what_that_may_have_changed(home: Path) -> None:
    """Nobody came between the two, so only the second can tell that the graph may be another one."""
    keeper = start(KEEPER, home)
    os.kill(keeper.pid, signal.SIGKILL)
    keeper.communicate()
    gate = Gate.of(home)
    with gate.alone("a test"):
        pass
    with gate.passage() as generation:
        assert generation == Generation(server=2, data=1)


def test_a_fork_neither_keeps_nor_gives_back_its_parent_s_place(home: Path) -> None:
    """A child that ends leaves its parent inside, and one that lives on does not stand in maintenance's way."""
    gate = Gate.of(home)

    def maintenance() -> None:
        with gate.alone("a test"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with gate.passage():
            short = os.fork()
            if not short:
                with gate.passage():
                    pass
                os._exit(0)
            os.waitpid(short, 0)
            long = os.fork()
            if not long:
                time.sleep(600)
                os._exit(0)
            alone = pool.submit(maintenance)
            eventually(lambda: gate.notice() is not None)
            time.sleep(0.1)
            assert not alone.done()
        try:
            alone.result(timeout=30)
        finally:
            os.kill(long, signal.SIGKILL)
            os.waitpid(long, 0)
