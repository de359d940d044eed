# SPDX-License-Identifier: Apache-2.0
"""Sweeping payloads: orphans and leftovers go, and none from under a writer who is about to name it."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save

from memwalk.errors import PayloadMissing, StoreBusy
from memwalk.payloads import GRACE_SECONDS, PayloadStore, _bucket
from memwalk.payloads._folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE = 0.4
"""Seconds, in the race."""

ROUNDS = 25
CONTENTS = 6


def tensors(n: int) -> bytes:
    """A small safetensors file."""
    return bytes(save({"x": np.full(1_000, n, np.uint8)}))


@pytest.fixture(params=["folder", "memory", "dir"])
def payloads(request: pytest.FixtureRequest, tmp_path: Path) -> PayloadStore:
    """A folder; two file systems without locks."""
    schemes = {"folder": "", "memory": "memory://sweep", "dir": "dir::file://"}
    return PayloadStore(f"{schemes[str(request.param)]}{tmp_path / 'store'}")


def test_what_goes_and_what_stays(payloads: PayloadStore) -> None:
    """The old and unnamed goes, a young one stays; a dry run says the same and removes nothing."""
    named, orphan = payloads.put(tensors(1)), payloads.put(tensors(2))
    assert payloads.sweep(set).payloads == ()
    planned = payloads.sweep(lambda: {named}, older_than=-1, dry_run=True)
    assert planned.payloads == (orphan,)
    assert planned.bytes == len(tensors(2))
    assert {payload.sha256 for payload in payloads.list()} == {named, orphan}
    assert payloads.sweep(lambda: {named}, older_than=-1) == planned
    assert [payload.sha256 for payload in payloads.list()] == [named]
    assert payloads.sweep(lambda: {named}, older_than=-1).payloads == ()


def test_leftovers_go_and_other_files_stay(tmp_path: Path) -> None:
    """What writers left, as this or an earlier release names it, goes when it is old; a stranger's file stays."""
    payloads = PayloadStore(tmp_path)
    digest = payloads.put(tensors(1))
    for name in ("tmp/a.tmp", f"{digest[:2]}/{digest}.safetensors.b.tmp", "tmp/young.tmp", f"{digest[:2]}/notes.txt"):
        (tmp_path / name).write_bytes(b"123")
        if "young" not in name:
            os.utime(tmp_path / name, (0, 0))
    swept = payloads.sweep(set)
    assert (swept.payloads, swept.leftovers, swept.bytes) == ((), 2, 6)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        ".lock",
        "young.tmp",
        "notes.txt",
        f"{digest}.safetensors",
    }


def test_empty_place(payloads: PayloadStore) -> None:
    """Where nothing was ever put there is nothing to sweep."""
    assert payloads.sweep(set, older_than=-1) == payloads.sweep(set, older_than=-1, dry_run=True)


@pytest.mark.parametrize("again", [None, tensors(1), [tensors(1)]])
def test_put_between_the_names_and_the_removal(tmp_path: Path, again: bytes | list[bytes] | None) -> None:
    """An old orphan that is put again after a sweep listed it, and named later, stays; without the put it goes."""
    payloads = PayloadStore(tmp_path)
    digest = payloads.put(tensors(1))
    os.utime(tmp_path / digest[:2] / f"{digest}.safetensors", (0, 0))

    def named() -> set[str]:
        if again:
            payloads.put(again)
        return set()

    swept = payloads.sweep(named)
    assert swept.payloads == (() if again else (digest,))
    assert [payload.sha256 for payload in payloads.list()] == ([digest] if again else [])


def test_renewed_in_a_bucket(tmp_path: Path) -> None:
    """Where age cannot be set, a put or renewal of what is there makes it young all the same."""
    payloads = PayloadStore(f"dir::file://{tmp_path}")
    digest = payloads.put(tensors(1))
    place = next(tmp_path.rglob("*.safetensors"))
    for act in (lambda: payloads.put(tensors(1)), lambda: payloads.renew(digest)):
        os.utime(place, (0, 0))
        assert next(payloads.list()).age > GRACE_SECONDS
        act()
        assert next(payloads.list()).age < GRACE_SECONDS
        assert payloads.get(digest) == tensors(1)


def test_a_put_waits_for_a_sweep_at_work(tmp_path: Path) -> None:
    """While a sweep holds the lock a put waits, and then writes what the sweep took."""
    payloads = PayloadStore(tmp_path)
    digest = payloads.put(tensors(1))
    folder = payloads._files
    assert isinstance(folder, Folder)
    entered, go_on = threading.Event(), threading.Event()

    def doomed() -> list[str]:
        return [f"{digest[:2]}/{digest}.safetensors"]

    def sweep() -> None:
        import fcntl

        with folder.locked(fcntl.LOCK_EX):
            entered.set()
            go_on.wait()
            (tmp_path / doomed()[0]).unlink()

    sweeper = threading.Thread(target=sweep)
    putter = threading.Thread(target=payloads.put, args=(tensors(1),))
    sweeper.start()
    entered.wait()
    putter.start()
    putter.join(0.2)
    assert putter.is_alive()
    go_on.set()
    sweeper.join()
    putter.join()
    assert payloads.get(digest) == tensors(1)


def test_a_dead_sweep_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sweep killed in a bucket announced is taken away by the next writer, after a while."""
    monkeypatch.setattr(_bucket, "_DEAD_SECONDS", 0.2)
    payloads = PayloadStore(f"dir::file://{tmp_path}")
    payloads.put(tensors(1))
    bucket = payloads._files
    assert isinstance(bucket, _bucket.Bucket)
    announced = Path(next(tmp_path.rglob("*.safetensors"))).parents[1] / "sweeping"
    announced.mkdir()
    (announced / "dead.tmp").write_bytes(b"")
    payloads.put(tensors(2))
    assert list(announced.iterdir()) == []


# --- the race --------------------------------------------------------------------------------------


def race(url: str, names: Path, writer: int, results: Counter[str]) -> None:
    """Put, name within the grace, read while named; counts what came of it."""
    payloads = PayloadStore(url)
    chance = random.Random(writer)
    for _ in range(ROUNDS):
        n = chance.randrange(CONTENTS)
        began = time.monotonic()
        try:
            digest = payloads.put(tensors(n) if chance.random() < 0.7 else iter([tensors(n)]))
        except StoreBusy:  # the sweep came in between, and the writer was told
            results["busy"] += 1
            continue
        time.sleep(chance.uniform(0, GRACE / 4))
        name = names / f"{digest}.{writer}"
        name.touch()
        if time.monotonic() - began < GRACE * 0.8:  # on a slow machine the promise may not have been kept
            for wait in (0, chance.uniform(0, 1.5 * GRACE)):
                time.sleep(wait)
                try:
                    results["read"] += payloads.get(digest) == tensors(n)
                except PayloadMissing:
                    results["dangling"] += 1
        name.unlink()


def race_process(url: str, names: Path, writer: int, queue: multiprocessing.SimpleQueue[Counter[str]]) -> None:
    """`race` in a process."""
    results: Counter[str] = Counter()
    race(url, names, writer, results)
    queue.put(results)


def sweep_until(stop: Callable[[], bool], url: str, names: Path) -> int:
    """Sweep without pause; how many payloads went."""
    payloads = PayloadStore(url)
    removed = 0
    while not stop():
        swept = payloads.sweep(
            lambda: {name.partition(".")[0] for name in os.listdir(names)},  # noqa: PTH208  # names alone
            older_than=GRACE,
        )
        removed += len(swept.payloads)
    return removed


@pytest.mark.parametrize("scheme", ["", "dir::file://"])
def test_processes_race_with_a_sweep(tmp_path: Path, scheme: str) -> None:
    """Three processes put, name, use and drop the same few payloads while a sweep runs on: none is ever dangling."""
    names = tmp_path / "names"
    names.mkdir()
    url = f"{scheme}{tmp_path / 'store'}"
    spawn = multiprocessing.get_context("spawn")
    queue: multiprocessing.SimpleQueue[Counter[str]] = spawn.SimpleQueue()
    writers = [spawn.Process(target=race_process, args=(url, names, n, queue)) for n in range(3)]
    for writer in writers:
        writer.start()
    removed = sweep_until(lambda: not any(writer.is_alive() for writer in writers), url, names)
    total = sum((queue.get() for _ in writers), Counter())
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert total["dangling"] == 0
    assert total["read"] > ROUNDS
    assert removed > 5


def test_threads_race_with_a_sweep(tmp_path: Path) -> None:
    """The same with threads and a file system in memory."""
    names = tmp_path / "names"
    names.mkdir()
    url = f"memory://race{tmp_path}"
    results = [Counter[str]() for _ in range(3)]
    writers = [threading.Thread(target=race, args=(url, names, n, results[n])) for n in range(3)]
    for writer in writers:
        writer.start()
    removed = sweep_until(lambda: not any(writer.is_alive() for writer in writers), url, names)
    total = sum(results, Counter())
    assert total["dangling"] == 0
    assert total["read"] > ROUNDS
    assert removed > 5
