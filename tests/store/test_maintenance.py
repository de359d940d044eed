# SPDX-License-Identifier: Apache-2.0
"""Backup, loading and checking of a store that others have open. Real servers, both versions, kill -9."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import save
from tests.walk_files import holding

import memwalk
from memwalk.config import CURRENT, LTS, Settings
from memwalk.errors import (
    AlreadyExists,
    ArchiveCorrupt,
    ArchiveError,
    ArchiveMismatch,
    InvalidArgument,
    NotFound,
    SourceNotFound,
    StorageFull,
)
from memwalk.memory import check_store, dump_store, load_store
from memwalk.store import ReadLog
from memwalk.store.server import LocalServer
from memwalk.units import NewUnit, new_id, put_units, record_activity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memwalk.memory import Memory

WRITER = """
import sys
import memwalk
with memwalk.open(sys.argv[1]) as memory:
    for number in range(1_000_000):
        memory.create_space(f"written-{number}")
        print(number, flush=True)
        if memory.spaces() == []:
            break
"""

LOADER = """
import os, signal, sys
from memwalk.memory import load_store
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def progress(stage, done, total):
    if stage.startswith(sys.argv[3]):
        die()
def look(event, arguments):
    if event == "os.rename" and str(arguments[0]).endswith(sys.argv[3]):
        die()
sys.addaudithook(look)
load_store(sys.argv[2], sys.argv[1], replace=True, progress=progress)
"""


class World:
    """A store with some units and payloads, and a backup of it."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.settings = replace(settings, server=replace(settings.server, version=LTS, idle_seconds=60.0))
        self.directory = root / "store"
        self.file = root / "backup.zip"
        with self.open() as memory:
            self.payloads = [add_payload(memory, number) for number in range(2)]
            with_log = ReadLog(self.directory / "audit")
            with_log.append("owner", "search", "some words")
            with_log.close()
            self.spaces = names(memory)
            self.running = self.server().status()
            self.header = dump_store(self.directory, self.file, settings=self.settings)
            self.log = read_folder(self.directory / "audit")
            assert names(memory) == self.spaces  # the one that was open goes on

    def server(self, version: str = LTS) -> LocalServer:
        settings = replace(self.settings.server, version=version)
        return LocalServer(self.directory, settings, self.settings.cache_directory())

    def open(self) -> Memory:
        return memwalk.open(self.directory, principal="owner", settings=self.settings)


def names(memory: Memory) -> list[str]:
    """The spaces of a store: what each change here adds to."""
    return [space.id for space in memory.spaces()]


def add_payload(memory: Memory, number: int) -> str:
    """A KV block with a payload; its sha256."""
    session = memory._session
    sha256 = session.payloads.put(save({"keys": np.full((4, 4), number, dtype=np.float32)}))
    unit = NewUnit(new_id(), "KVBlock", "block", "", "default", version={"payload": sha256})
    session.store.write(
        lambda tx: put_units(tx, record_activity(tx, "owner", "test"), [unit]), operation="test", principal="owner"
    )
    return sha256


def add_note(memory: Memory) -> str:
    """A note, which is walked; its id."""
    note = NewUnit(new_id(), "Note", "note", "A note.", "default")
    memory._session.store.write(
        lambda tx: put_units(tx, record_activity(tx, "owner", "test"), [note]), operation="test", principal="owner"
    )
    return note.id


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but its lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[World]:
    """The store and its backup."""
    made = World(tmp_path_factory.mktemp("world"), settings)
    yield made
    made.server().stop()


@pytest.fixture
def stopping(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A data directory whose server is stopped at the end, whichever it is."""
    directory = tmp_path / "other"
    yield directory
    for version in (LTS, CURRENT):
        LocalServer(directory, replace(settings.server, version=version), settings.cache_directory()).stop()


def test_a_backup_has_everything_but_the_password(world: World) -> None:
    """Graph, payloads and log of reads, each with its sum; the server was put back as it was, on its port."""
    assert world.header.schema == 2
    assert (world.header.neo4j, world.header.payloads, world.header.damaged) == (LTS, 2, ())
    password = (world.directory / "neo4j" / "password").read_bytes().strip()
    assert password not in world.file.read_bytes()
    assert world.file.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(world.file) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {
            "neo4j.dump",
            "payloads",
            "audit",
            "memwalk-backup.json",
        }
    assert world.running is not None
    assert [path.name for path in world.file.parent.iterdir() if path.suffix in {".zip", ".part"}] == ["backup.zip"]


def test_the_current_neo4j_loads_a_backup_of_the_lts_and_the_lts_none_of_the_current(
    world: World, stopping: Path
) -> None:
    """All is there in another directory, payloads and log byte for byte; there is no way back, and it says so."""
    newer = replace(world.settings, server=replace(world.settings.server, version=CURRENT))
    header = load_store(world.file, stopping, settings=newer)
    assert header == world.header
    assert read_folder(stopping / "audit") == world.log
    with memwalk.open(stopping, settings=newer) as memory:
        assert names(memory) == world.spaces
        for sha256 in world.payloads:
            assert hashlib.sha256(memory._session.payloads.get(sha256)).hexdigest() == sha256
        store = memory._session.store
        assert store.read("store/get_store")[0]["uuid"] == header.store
        assert store.watermark() == header.change
    report = check_store(stopping, settings=newer)
    assert report.sound
    assert (report.units, report.versions, report.payloads, report.orphans) == (2, 2, 2, 0)
    again = stopping.parent / "again.zip"
    assert dump_store(stopping, again, settings=newer).neo4j == CURRENT
    nowhere = stopping.parent / "nowhere"
    with pytest.raises(ArchiveMismatch, match=f"of Neo4j {CURRENT}, and this one is {LTS}.*MEMWALK_NEO4J_VERSION"):
        load_store(again, nowhere, settings=world.settings)
    assert not nowhere.exists()


def test_who_has_the_store_open_sees_the_loaded_one_at_the_next_call(world: World) -> None:
    """It connects again by itself, with the new password; what it remembered of the old graph is forgotten."""
    with world.open() as memory:
        memory.create_space("added-after-the-backup")
        note = add_note(memory)
        with memory._session.walk_graph() as graph:
            assert graph.nodes.find(note) == 0
        assert holding(world.directory / "walk", note.encode())
        before = memory._session.store.data_generation
        with pytest.raises(AlreadyExists):
            load_store(world.file, world.directory, settings=world.settings)
        assert "added-after-the-backup" in names(memory)
        password = (world.directory / "neo4j" / "password").read_text()
        load_store(world.file, world.directory, replace=True, settings=world.settings)
        assert (world.directory / "neo4j" / "password").read_text() != password
        assert read_folder(world.directory / "audit") == world.log
        assert not holding(world.directory / "walk", note.encode())
        with memory._session.walk_graph() as graph:
            assert len(graph) == 0
        assert not holding(world.directory / "walk", note.encode())
        assert names(memory) == world.spaces
        assert memory._session.store.data_generation == before + 1
        memory.create_space("added-after-the-load")
    log = ReadLog(world.directory / "audit")
    assert log.verify().fault is None
    assert len(list(log.records())) > world.log["reads.jsonl"].count(b"\n")


def test_a_writer_waits_while_a_backup_is_written_and_loses_nothing(world: World, tmp_path: Path) -> None:
    """It gets a sentence and no error; what it was told is written is there, the rest of the numbers too."""
    env = {**os.environ, "MEMWALK_NEO4J_VERSION": LTS}
    command = [sys.executable, "-c", WRITER, str(world.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        assert writer.stdout.readline() == "0\n"
        dump_store(world.directory, tmp_path / "while.zip", settings=world.settings)
        told = writer.stderr.readline()
        time.sleep(1.0)  # it goes on
        writer.kill()
        rest = writer.stdout.read()
        errors = writer.stderr.read()
    assert "waiting for a backup into while.zip (process" in told
    assert all(line.startswith("waiting for a backup into ") for line in errors.splitlines())
    acknowledged = 1 + len([line for line in rest.splitlines() if line])
    with world.open() as memory:
        written = [name for name in names(memory) if name.startswith("written-")]
    assert set(written) >= {f"written-{number}" for number in range(acknowledged)}
    assert len(written) <= acknowledged + 1


def truncate(file: Path) -> None:
    """Cut the last part off."""
    os.truncate(file, file.stat().st_size - 400)


def flip(file: Path) -> None:
    """One bit of the graph."""
    with file.open("r+b") as stream:
        stream.seek(2_000)
        byte = stream.read(1)[0]
        stream.seek(2_000)
        stream.write(bytes([byte ^ 1]))


def rewritten(change: Callable[[dict[str, bytes]], object]) -> Callable[[Path], None]:
    """The same archive with other members."""

    def tamper(file: Path) -> None:
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        change(members)
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return tamper


def header(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    """Another value in the header."""

    def change(members: dict[str, bytes]) -> None:
        values = json.loads(members["memwalk-backup.json"])
        members["memwalk-backup.json"] = json.dumps(values | changes).encode()

    return change


@pytest.mark.parametrize(
    ("tamper", "error", "message"),
    [
        (truncate, ArchiveCorrupt, "truncated or tampered with"),
        (flip, ArchiveCorrupt, r"neo4j\.dump"),
        (lambda file: file.write_bytes(b"no zip"), ArchiveCorrupt, "is it a backup by `memwalk db dump`"),
        (lambda file: file.write_bytes(b""), ArchiveCorrupt, "is it a backup"),
        (rewritten(lambda members: members.pop("memwalk-backup.json")), ArchiveCorrupt, "there is no memwalk-backup"),
        (rewritten(lambda members: members.pop("audit/head")), ArchiveCorrupt, "does not hold what its header lists"),
        (rewritten(lambda members: members.update({"audit/more": b""})), ArchiveCorrupt, "does not hold what its"),
        (rewritten(lambda members: members.update({"audit/head": b"0"})), ArchiveCorrupt, "audit/head has another"),
        (rewritten(header(members={"../escape": {"sha256": "", "bytes": 0}})), ArchiveCorrupt, "no backup holds"),
        (rewritten(header(store=None, members=[])), ArchiveCorrupt, "header"),
        (rewritten(header(format=2)), ArchiveMismatch, "update memwalk"),
        (rewritten(header(schema=900)), ArchiveMismatch, "V900"),
        (rewritten(header(neo4j="2099.01.0")), ArchiveMismatch, "Neo4j 2099.01.0"),
        (os.remove, SourceNotFound, "no such file"),
    ],
)
def test_what_is_no_whole_backup_for_this_memwalk_is_refused_before_anything_is_touched(
    world: World, tmp_path: Path, tamper: Callable[[Path], None], error: type[ArchiveError], message: str
) -> None:
    """Each with its own error, and no directory is made."""
    file = tmp_path / "tampered.zip"
    shutil.copy(world.file, file)
    tamper(file)
    with pytest.raises(error, match=message):
        load_store(file, tmp_path / "nowhere", settings=world.settings)
    assert not (tmp_path / "nowhere").exists()


def test_what_cannot_be_dumped_is_refused(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing file, a folder that is missing, a store that is missing, somebody's own Neo4j."""
    file = tmp_path / "there.zip"
    file.write_text("keep me")
    with pytest.raises(AlreadyExists):
        dump_store(world.directory, file, settings=world.settings)
    assert file.read_text() == "keep me"
    with pytest.raises(InvalidArgument, match="a folder that exists"):
        dump_store(world.directory, tmp_path / "no" / "where.zip", settings=world.settings)
    with pytest.raises(NotFound):
        dump_store(tmp_path / "no store", tmp_path / "x.zip", settings=world.settings)
    assert not (tmp_path / "no store").exists()
    with pytest.raises(InvalidArgument, match="neo4j-admin"):
        dump_store("neo4j://example.org", tmp_path / "x.zip", settings=world.settings)
    assert [path.name for path in tmp_path.iterdir()] == ["there.zip"]


def test_ctrl_c_in_a_backup_leaves_no_file_and_a_running_server(world: World, tmp_path: Path) -> None:
    """The store goes on as if nothing had been."""

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "writing the graph" and done and total is None:
            raise KeyboardInterrupt

    with world.open() as memory:
        before = names(memory)
        with pytest.raises(KeyboardInterrupt):
            dump_store(world.directory, tmp_path / "x.zip", settings=world.settings, progress=progress)
        assert list(tmp_path.iterdir()) == []
        assert world.server().status() is not None
        assert names(memory) == before


def test_a_full_disk_leaves_no_file(world: World, tmp_path: Path) -> None:
    """It is told as such."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)], check=False)
    if made.returncode != 0:
        pytest.skip("no tmpfs can be mounted")
    try:
        with pytest.raises(StorageFull, match="no backup was written"):
            dump_store(world.directory, tmp_path / "x.zip", settings=world.settings)
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def load_and_die(world: World, where: str) -> None:
    """Load in a process that is killed at a stage, or before a rename."""
    env = {**os.environ, "MEMWALK_NEO4J_VERSION": LTS}
    command = [sys.executable, "-c", LOADER, str(world.directory), str(world.file), where]
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL


def test_kill_9_while_loading_leaves_the_old_store_or_the_new(world: World) -> None:
    """Before the decision the old one goes on; amid the swap whoever opens next finishes; nothing else is left."""
    with world.open() as memory:
        memory.create_space("before-the-kill")
        load_and_die(world, "loading the graph")
        assert "before-the-kill" in names(memory)
        load_and_die(world, "next/neo4j/password")
        assert names(memory) == world.spaces
        memory.create_space("after-the-kill")
    assert not [path for path in (world.directory / "neo4j").iterdir() if path.name in {"next", "next.part", "old"}]
    assert read_folder(world.directory / "audit").keys() >= world.log.keys()


def test_a_check_finds_what_is_missing_changed_or_doubled(world: World, tmp_path: Path) -> None:
    """A payload gone, one with other bytes, a second head, a gap in the change sequence; and counts an orphan."""
    with world.open() as memory:
        gone, other = (add_payload(memory, number) for number in (7, 8))
        payloads = memory._session.payloads
        orphan = payloads.put(save({"orphan": np.zeros(3, dtype=np.float32)}))
        payloads.delete(gone)
        with (world.directory / "payloads" / other[:2] / f"{other}.safetensors").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\1")
        second_head = (
            "MATCH (u:Unit)-[:HEAD]->(v:Version {payload: $gone}) "
            "CREATE (u)-[:HEAD]->(:Version {unit_id: u.id, seq: 9, tx_from: 0, tx_to: 0})"
        )
        memory.cypher(second_head, {"gone": gone}, write=True)
        gap = "MATCH (c:Change {seq: 3}) SET c.seq = 1000000"
        memory.cypher(gap, write=True)
        units = dict(memory.cypher("MATCH (v:Version) WHERE v.payload IS NOT NULL RETURN v.payload, v.unit_id")[1])
        report = check_store(world.directory, settings=world.settings)
        damaged = dump_store(world.directory, tmp_path / "damaged.zip", settings=world.settings).damaged
        memory.cypher("MATCH (c:Change {seq: 1000000}) SET c.seq = 3", write=True)
        memory.cypher(
            "MATCH (u:Unit)-[:HEAD]->(v:Version) WHERE u.id IN $bad DETACH DELETE u, v",
            write=True,
            parameters={"bad": [units[gone], units[other]]},
        )
        payloads.delete(other)
        payloads.delete(orphan)
    assert not report.sound
    assert report.orphans == 1
    assert {(finding.kind, finding.where) for finding in report.findings} == {
        ("head", units[gone]),
        ("chain", units[gone]),
        ("changes", "change sequence"),
        ("payload missing", units[gone]),
        ("payload corrupt", units[other]),
    }
    assert damaged == (other,)
