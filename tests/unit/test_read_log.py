# SPDX-License-Identifier: Apache-2.0
"""The log of reads: one chain whoever writes, every tampering found, nothing read that was not logged."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memwalk.errors import AuditFailed, InvalidArgument, StorageFull
from memwalk.store._chain import START, ChainReport, Head
from memwalk.store._read_log import ReadLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNIT = "01939f3e-7c4a-7b52-9e0d-5a1f6c2b8d47"


def fault(report: ChainReport) -> tuple[int, str] | None:
    """Place and kind of the fault."""
    return (report.fault.seq, report.fault.kind) if report.fault else None


def fill(directory: Path, count: int, *, rotate_bytes: int = 1 << 20) -> Head:
    """A closed log of so many records; its head."""
    log = ReadLog(directory, rotate_bytes=rotate_bytes)
    for n in range(count):
        log.append("alice", "show", f"target {n}")
    log.close()
    return log.verify().head


def lines(directory: Path) -> list[str]:
    """The lines of the present file."""
    return (directory / "reads.jsonl").read_text().splitlines()


def rewrite(directory: Path, changed: list[str]) -> None:
    """Put other lines in their place."""
    (directory / "reads.jsonl").write_text("".join(line + "\n" for line in changed))


# --- what a record holds ---------------------------------------------------------------------------


def test_record(tmp_path: Path) -> None:
    """A record holds number, time, principal, action, target and hash, and nothing else; files are private."""
    log = ReadLog(tmp_path / "audit")
    log.append("alice", "show", UNIT)
    log.append("bob", "spaces")
    log.close()
    first, second = map(json.loads, lines(tmp_path / "audit"))
    assert list(first) == ["seq", "at", "principal", "action", "target", "hash"]
    assert (first["seq"], first["principal"], first["action"], first["target"]) == (1, "alice", "show", UNIT)
    assert abs(first["at"] / 1_000 - time.time()) < 600
    assert (second["seq"], second["target"]) == (2, "")
    assert [record["seq"] for record in log.records()] == [1, 2]
    log.append("alice", "search", "words")
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "audit").iterdir()} == dict.fromkeys(
        ("reads.jsonl", "head", "key", "lock"), 0o600
    )


@pytest.mark.parametrize(
    "text", ["where is the bridge?", "ab", UNIT.upper(), UNIT + "\n", "näive \udcff", "x" * 10_000]
)
def test_no_text_in_the_log(tmp_path: Path, text: str) -> None:
    """What is no unit id is not in any file, whatever its length; the same text has the same mark, in one store."""
    log = ReadLog(tmp_path / "a")
    log.append("alice", "search", text)
    log.append("alice", "search", text)
    first, second = log.records()
    assert first["target"] == second["target"] == log.mask(text)
    assert first["target"].startswith("hmac:")
    assert len(first["target"]) == 69
    assert ReadLog(tmp_path / "a").mask(text) == first["target"]
    assert ReadLog(tmp_path / "b").mask(text) != first["target"]
    held = b"".join(path.read_bytes() for path in (tmp_path / "a").iterdir())
    for encoding in ("utf-8", "utf-16-le"):
        assert text.strip().encode(encoding, "surrogatepass")[:20] not in held or len(text) < 5
    log.close()


def test_nothing_was_logged(tmp_path: Path) -> None:
    """A log that nobody wrote to is whole, and reading it makes no files."""
    log = ReadLog(tmp_path / "audit")
    assert log.verify() == ChainReport(START, None)
    assert list(log.records()) == []
    log.close()
    assert not (tmp_path / "audit").exists()


# --- tampering -------------------------------------------------------------------------------------


def _change(found: list[str]) -> list[str]:
    return [*found[:4], found[4].replace("alice", "bob"), *found[5:]]


TAMPERINGS: dict[str, tuple[Callable[[list[str]], list[str]], tuple[int, str]]] = {
    "changed field": (_change, (5, "changed")),
    "no record": (lambda found: [*found[:4], "null", *found[5:]], (5, "changed")),
    "number of another type": (lambda found: [*found[:4], '{"seq":[],"action":"","hash":""}'], (5, "changed")),
    "removed middle": (lambda found: found[:4] + found[5:], (5, "missing")),
    "removed first": (lambda found: found[1:], (1, "missing")),
    "removed tail": (lambda found: found[:-3], (8, "missing")),
    "removed all": (lambda _: [], (1, "missing")),
    "swapped": (lambda found: [*found[:4], found[5], found[4], *found[6:]], (5, "reordered")),
    "repeated": (lambda found: [*found[:5], *found[4:]], (5, "repeated")),
    "put in": (lambda found: [*found, found[-1].replace('"seq":10', '"seq":11')], (11, "changed")),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found(tmp_path: Path, name: str) -> None:
    """Each kind is told with its place, at once and after the log has been written to again."""
    tamper, expected = TAMPERINGS[name]
    head = fill(tmp_path, 10)
    assert ReadLog(tmp_path).verify(anchor=head) == ChainReport(head, None)
    rewrite(tmp_path, tamper(lines(tmp_path)))
    assert fault(ReadLog(tmp_path).verify()) == expected
    log = ReadLog(tmp_path)
    for _ in range(3):
        log.append("alice", "show", UNIT)
    assert fault(log.verify()) == expected
    log.close()


def test_the_last_record_of_a_log_in_use(tmp_path: Path) -> None:
    """Cutting the end under the eyes of a writer is found too, before and after its next append."""
    log = ReadLog(tmp_path)
    for _ in range(5):
        log.append("alice", "show", UNIT)
    rewrite(tmp_path, lines(tmp_path)[:-1])
    assert fault(log.verify()) == (5, "missing")
    log.append("alice", "show", UNIT)
    assert fault(log.verify()) == (5, "missing")
    assert [record["action"] for record in log.records()] == ["show"] * 4 + ["log.resumed", "show"]
    log.close()


@pytest.mark.parametrize("content", [None, b"", b"x", b"\xff", f"{'0' * 20}:{'0' * 64}\n".encode()])
def test_head_gone(tmp_path: Path, content: bytes | None) -> None:
    """Without a head file, or with one that is none, the log is never called whole again."""
    fill(tmp_path, 5)
    if content is None:
        (tmp_path / "head").unlink()
    else:
        (tmp_path / "head").write_bytes(content)
    started_anew = content is not None and content.startswith(b"000")
    rewrite(tmp_path, lines(tmp_path)[:-1])
    assert (fault(ReadLog(tmp_path).verify()) is None) == started_anew
    log = ReadLog(tmp_path)
    log.append("alice", "show", UNIT)
    if not started_anew:  # nor can a head that was set back be told from one that a killed writer left: an anchor can
        assert fault(log.verify()) == (5, "missing")
    log.close()


def test_a_log_written_anew_needs_an_anchor(tmp_path: Path) -> None:
    """Somebody who may write all files can forge a whole log; a head kept elsewhere tells, and a true one passes."""
    head = fill(tmp_path / "true", 5)
    fill(tmp_path / "forged", 7)
    shutil.copytree(tmp_path / "forged", tmp_path / "true", dirs_exist_ok=True)
    log = ReadLog(tmp_path / "true")
    assert log.verify().ok
    assert fault(log.verify(anchor=head)) == (5, "anchor")
    rewrite(tmp_path / "true", [])
    (tmp_path / "true" / "head").unlink()
    assert log.verify().ok
    assert fault(log.verify(anchor=head)) == (5, "missing")


# --- files put aside -------------------------------------------------------------------------------


def test_the_chain_runs_on_across_files(tmp_path: Path) -> None:
    """A full file is put aside and the next continues; taking out, cutting or swapping files is found."""
    head = fill(tmp_path, 60, rotate_bytes=2_000)
    aside = sorted(path.name for path in tmp_path.glob("reads.*.jsonl"))
    assert len(aside) > 3
    log = ReadLog(tmp_path, rotate_bytes=2_000)
    assert log.verify(anchor=head) == ChainReport(head, None)
    assert [record["seq"] for record in log.records()] == list(range(1, 61))
    first = int(aside[0].split(".")[1]) + 1
    (tmp_path / aside[1]).rename(tmp_path / "away")
    assert fault(log.verify()) == (first, "missing")
    (tmp_path / "away").rename(tmp_path / aside[1])
    assert log.verify().ok
    content = (tmp_path / aside[1]).read_bytes()
    (tmp_path / aside[1]).write_bytes((tmp_path / aside[2]).read_bytes())
    (tmp_path / aside[2]).write_bytes(content)
    assert fault(log.verify()) == (first, "reordered")


def test_killed_between_two_files(tmp_path: Path) -> None:
    """A writer that put a file aside and died is followed by one that goes on where it ended."""
    head = fill(tmp_path, 5)
    (tmp_path / "reads.jsonl").rename(tmp_path / f"reads.{5:020d}.jsonl")
    assert ReadLog(tmp_path).verify() == ChainReport(head, None)
    log = ReadLog(tmp_path)
    assert log.append("alice", "show", UNIT).seq == 6
    assert log.verify().ok
    assert log.verify().notes == ()
    log.close()


# --- many writers, some of them killed -------------------------------------------------------------


def append_many(directory: Path, name: str, count: int) -> None:
    """Append from a process of its own."""
    log = ReadLog(directory, rotate_bytes=50_000)
    for n in range(count):
        log.append(name, "show", f"{n}")
    log.close()


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_make_one_chain(tmp_path: Path, method: str) -> None:
    """Four processes with 500 appends each, started anew or forked from one with an open log: one chain, in order."""
    log = ReadLog(tmp_path, rotate_bytes=50_000)
    log.append("parent", "show", UNIT)
    if method == "spawn":
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=append_many, args=(tmp_path, f"p{n}", 500)) for n in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
    else:
        children = []
        for n in range(4):
            child = os.fork()
            if child == 0:
                for i in range(500):
                    log.append(f"p{n}", "show", f"{i}")
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    log.append("parent", "show", UNIT)
    report = log.verify()
    assert report == ChainReport(report.head, None)
    assert report.head.seq == 2_002
    marks = {log.mask(f"{i}"): i for i in range(500)}
    records = list(log.records())
    for n in range(4):
        assert [marks[r["target"]] for r in records if r["principal"] == f"p{n}"] == list(range(500))
    assert len(list(tmp_path.glob("reads.*.jsonl"))) > 3
    log.close()


def test_another_folder_in_its_place(tmp_path: Path) -> None:
    """Whoever has the log open goes on in the folder that was put there, under its lock and key, with one chain."""
    there, other = tmp_path / "audit", tmp_path / "other"
    fill(other, 3)
    open_before = ReadLog(there)
    for n in range(5):
        open_before.append("alice", "show", f"target {n}")
    there.rename(tmp_path / "old")
    other.rename(there)
    opened_after = ReadLog(there)
    open_before.append("alice", "show", "target 3")
    opened_after.append("bob", "show", "target 3")
    open_before.append("alice", "show", "target 4")
    report = opened_after.verify()
    assert (report.head.seq, report.fault) == (6, None)
    masked = [record["target"] for record in opened_after.records()]
    assert masked[3] == masked[4] != masked[2]


def test_threads_make_one_chain(tmp_path: Path) -> None:
    """So do four threads on one log, and a log of another's making beside it."""
    logs = [ReadLog(tmp_path), ReadLog(tmp_path)]
    threads = [
        threading.Thread(target=lambda log=log: [log.append("t", "show", UNIT) for _ in range(200)])
        for log in logs
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs[0].verify().ok
    assert logs[0].verify().head.seq == 800
    for log in logs:
        log.close()


APPENDER = """
import sys
from pathlib import Path
from memwalk.store._read_log import ReadLog
log = ReadLog(Path(sys.argv[1]), rotate_bytes=20_000)
while True:
    print(log.append("p", "show", "x").seq, flush=True)
"""


def test_kill_loop(tmp_path: Path) -> None:
    """After each of 25 kill -9 of two appenders the log verifies, and has every record that was acknowledged."""
    chance = random.Random(7)
    acknowledged: set[int] = set()
    for _ in range(25):
        command = [sys.executable, "-c", APPENDER, str(tmp_path)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one,
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other,
        ):
            pipes = [pipe for pipe in (one.stdout, other.stdout) if pipe is not None]
            outputs = [pipe.readline() for pipe in pipes]
            time.sleep(chance.uniform(0, 0.05))
            one.kill()
            other.kill()
            outputs = [line + pipe.read() for line, pipe in zip(outputs, pipes, strict=True)]
        report = ReadLog(tmp_path).verify()
        assert report.fault is None
        for output in outputs:
            seen = {int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")}
            assert seen
            assert not acknowledged & seen
            acknowledged |= seen
        assert report.head.seq >= max(acknowledged)
    assert len(acknowledged) > 100


@pytest.mark.parametrize("head_too", [False, True])
def test_killed_in_the_middle_of_a_line(tmp_path: Path, head_too: bool) -> None:
    """A torn line is told, cut off by the next append, which says so; what was whole stays, the head's record too."""
    head = fill(tmp_path, 5)
    with (tmp_path / "reads.jsonl").open("a") as file:
        file.write('{"seq":6,"at"')
    if head_too:  # killed once more, before the head was written
        (tmp_path / "head").write_text(f"{4:020d}:{json.loads(lines(tmp_path)[3])['hash']}\n")
    log = ReadLog(tmp_path)
    report = log.verify()
    assert (report.head, report.fault) == (head, None)
    assert "torn line of 13 bytes" in report.notes[0]
    assert log.append("alice", "show", UNIT).seq == 7
    report = log.verify(anchor=head)
    assert report.fault is None
    assert report.notes == ("before record 6 a torn line was cut off (torn:13)",)
    assert [record["action"] for record in log.records()][5:] == ["log.healed", "show"]
    log.close()


def test_killed_before_the_head_was_written(tmp_path: Path) -> None:
    """A whole line that the head lacks counts; until the next append it is noted."""
    fill(tmp_path, 5)
    (tmp_path / "head").write_text(f"{4:020d}:{json.loads(lines(tmp_path)[3])['hash']}\n")
    log = ReadLog(tmp_path)
    assert log.verify().ok
    assert "not in `head` yet" in log.verify().notes[0]
    assert log.append("alice", "show", UNIT).seq == 6
    assert log.verify().ok
    assert log.verify().notes == ()
    log.close()


# --- a place that refuses --------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("rotate_bytes", [3_000, 1 << 20])
def test_full_disk(small_disk: Path, rotate_bytes: int) -> None:
    """On a full disk the append is refused, each time; what was logged verifies, and with room it goes on."""
    log = ReadLog(small_disk / "audit", rotate_bytes=rotate_bytes)
    log.append("alice", "show", UNIT)
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4_096))
    with pytest.raises(StorageFull, match="what cannot be logged is not read"):
        [log.append("alice", "show", UNIT) for _ in range(1_000)]
    with pytest.raises(StorageFull):
        log.append("alice", "show", UNIT)
    full = log.verify()
    assert full == ChainReport(full.head, None)
    (small_disk / "filler").unlink()
    assert log.append("alice", "show", UNIT).seq == full.head.seq + 1
    assert log.verify().ok
    assert log.verify().notes == ()
    log.close()
    with pytest.raises(InvalidArgument):
        log.verify(anchor=Head.parse("not an anchor"))


def test_no_access() -> None:
    """Where the log cannot be written, or read, the call is refused with the place and the reason."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        log = ReadLog(folder / "audit")
        log.append("alice", "show", UNIT)
        log.close()
        (folder / "audit" / "reads.jsonl").chmod(0o400)
        assert log.verify().ok
        with pytest.raises(AuditFailed, match=r"reads.jsonl: Permission denied.*is not read"):
            log.append("alice", "show", UNIT)
        (folder / "audit").chmod(0)
        for act in (log.verify, lambda: list(log.records()), lambda: log.append("alice", "show", UNIT)):
            with pytest.raises(AuditFailed, match="Permission denied"):
                act()
        (folder / "audit").chmod(0o700)
        with pytest.raises(AuditFailed, match="File exists"):
            ReadLog(folder / "audit" / "head").append("alice", "show", UNIT)
    finally:
        if was == 0:
            os.seteuid(0)
        shutil.rmtree(folder)
