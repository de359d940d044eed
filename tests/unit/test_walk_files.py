# SPDX-License-Identifier: Apache-2.0
"""Walk graphs in files: mapped they are what was saved, and what is not whole or not of this store is not used."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walk_checks import PROFILE, PUSH, asked
from tests.walk_files import files
from tests.walk_worlds import CLASSES, World, difference

from memwalk.memory._present_graph import PresentGraph, delete_walk_files
from memwalk.walk import Changes, ReadableGraph, Snapshot, SnapshotFolder, WalkGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.store import Store

HASH = "ab" * 32


def built(seed: int = 1, documents: int = 6, watermark: int = 7) -> Snapshot:
    """A small world's graph at rest."""
    return WalkGraph.build(World.make(Random(seed), documents).told(), watermark).snapshot


def save(folder: SnapshotFolder, snapshot: Snapshot, change: str = HASH) -> Path:
    """Save a snapshot; returns its folder."""
    with folder.locked() as is_alone:
        assert is_alone
        folder.save(snapshot, change)
    return folder.folder / str(snapshot.watermark)


def load(folder: SnapshotFolder) -> Snapshot | None:
    """The newest snapshot."""
    manifests = folder.manifests()
    return folder.load(manifests[0]) if manifests else None


def plain(snapshot: Snapshot) -> list[object]:
    """All that is in a snapshot, to be compared."""
    arrays = [array for part in (snapshot.nodes, snapshot.rows, snapshot.words) for array in part]
    held: list[object] = [snapshot.watermark, snapshot.classes, snapshot.spaces]
    return held + [(array.dtype.str, array.shape, array.tobytes()) for array in arrays]


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    """A folder that is not there yet."""
    return SnapshotFolder(tmp_path / "walk" / "store")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that anybody may enter, while the process is nobody (if it was root)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if was == 0:
            os.seteuid(0)
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("documents", [0, 1, 8])
def test_round_trip(folder: SnapshotFolder, documents: int) -> None:
    """Every array, class and space comes back as it was, for this user alone, and nothing is left beside it."""
    snapshot = built(documents=documents)
    path = save(folder, snapshot)
    loaded = load(folder)
    assert loaded is not None
    assert plain(loaded) == plain(snapshot)
    assert folder.manifests()[0].change == HASH
    assert {path.name for path in folder.folder.iterdir()} == {"7", "lock"}
    assert all(place.stat().st_mode & 0o777 == 0o700 for place in (path, folder.folder, folder.folder.parent))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_saved_loaded_and_changed_is_built(seed: int) -> None:
    """A graph from files that then changes gives what one built of the rest gives, to the last bit; files stay."""
    random = Random(seed)
    world = World.make(random, random.randint(0, 4))
    with tempfile.TemporaryDirectory() as scratch:
        folder = SnapshotFolder(Path(scratch))
        graph = WalkGraph.build(world.told(), 1)
        for step in range(2, random.randint(3, 6)):
            save(folder, graph.packed())
            before, written, loaded = world.told(), files(folder.folder), load(folder)
            assert loaded is not None
            assert loaded.watermark == graph.watermark
            graph = WalkGraph(loaded)
            for _ in range(random.randint(0, 3)):
                world.change()
            graph.apply(difference(before, world.told()), step)
            assert files(folder.folder) == written
        fresh = WalkGraph.build(world.told())
        classes, query = random.sample(CLASSES, random.randint(0, 4)), random.randrange(2**32)
        for profile in (PROFILE, PUSH):
            mine, other = (asked(ReadableGraph(g, classes), Random(query), profile) for g in (graph, fresh))
            assert mine == other


def test_two_share_and_do_not_disturb(folder: SnapshotFolder) -> None:
    """What one changes in place, vectors of known units, neither the other nor the file sees."""
    path = save(folder, built())
    written, loaded = files(path), (load(folder), load(folder))
    first, second = (WalkGraph(snapshot) for snapshot in loaded if snapshot is not None)
    entity = World.make(Random(1), 6).told().entities[0]
    number = np.array([first.nodes.find(entity.id)])
    turned = -np.asarray(entity.vector)
    first.apply(Changes([], [entity._replace(vector=turned, similar=[])], []), 8)
    assert (first.nodes.vectors(number) == -second.nodes.vectors(number)).all()
    assert second.nodes.vectors(number).any()
    assert files(path) == written


def test_a_deleted_one_stays_with_who_mapped_it(folder: SnapshotFolder) -> None:
    """Files may go while they are in use; what has half gone is none."""
    snapshot = built()
    save(folder, snapshot)
    (manifest,) = folder.manifests()
    loaded = folder.load(manifest)
    folder.delete(7)
    assert loaded is not None
    assert plain(loaded) == plain(snapshot)
    assert folder.load(manifest) is None
    (save(folder, snapshot) / "manifest.json").unlink()
    assert folder.manifests() == []
    assert files(folder.folder).keys() == {"lock"}


ARRAYS = sorted(f"{part}.{field}" for part in ("nodes", "rows", "words") for field in getattr(built(), part)._fields)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("damage", ["cut", "grown", "changed", "emptied"])
def test_a_damaged_array_is_not_used(
    folder: SnapshotFolder, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happened to one file: no crash, no graph, a warning, and the snapshot is deleted."""
    file = save(folder, built()) / f"{name}.npy"
    data = file.read_bytes()
    bad = {"cut": data[:-1], "grown": data + b"\0", "changed": data[:70] + b"?" + data[71:], "emptied": b""}[damage]
    file.write_bytes(bad)
    with caplog.at_level(logging.WARNING, "memwalk.walk"):
        assert load(folder) is None
    assert f"{name}.npy" in caplog.text
    assert files(folder.folder).keys() == {"lock"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", 0), ("watermark", 8), ("kinds", ["Entity"]), ("edges", []), ("unit", 1), ("checksum", 1), (None, "{")],
)
def test_another_manifest_is_not_used(folder: SnapshotFolder, field: str | None, value: object) -> None:
    """Another format, another order of kinds, a cut or changed manifest: the snapshot is deleted."""
    file = save(folder, built()) / "manifest.json"
    body: dict[str, Any] = json.loads(file.read_text())
    if field and field != "checksum":
        del body["checksum"]
        body |= {field: value}
        body["checksum"] = zlib.crc32(json.dumps(body, sort_keys=True).encode())
    elif field:
        body[field] = value
    file.write_text(json.dumps(body) if field else str(value))
    assert folder.manifests() == []
    assert files(folder.folder).keys() == {"lock"}


def test_one_writes_at_a_time(folder: SnapshotFolder) -> None:
    """A second writer, in another process, is told; the staged files of one that was killed are no hindrance."""
    code = (
        "import sys, pathlib; from memwalk.walk import SnapshotFolder\n"
        "with SnapshotFolder(pathlib.Path(sys.argv[1])).locked() as is_alone: print(is_alone)"
    )
    command = [sys.executable, "-c", code, str(folder.folder)]
    with folder.locked() as is_alone:
        assert is_alone
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
        staged = folder.folder / ".staged"
        staged.mkdir()
        (staged / "nodes.ids.npy").write_bytes(b"half")
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"
    assert load(folder) is None
    save(folder, built())
    assert {path.name for path in folder.folder.iterdir()} == {"7", "lock"}


def test_classes_of_nothing_are_not_kept(folder: SnapshotFolder) -> None:
    """The key of a class may name a unit: when nothing is in it, it is in no file, and the rest is the same."""
    world = World.make(Random(3), 6)
    graph = WalkGraph.build(world.told(), 1)
    before = world.told()
    for passages in world.documents.values():
        passages[:] = [passage for passage in passages if passage.policy != "b"]
    graph.apply(difference(before, world.told()), 7)
    assert "b" in graph.packed().classes
    save(folder, graph.packed())
    loaded = load(folder)
    assert loaded is not None
    assert set(loaded.classes) == {"", *CLASSES} - {"b"}
    fresh = WalkGraph.build(world.told())
    for classes in (CLASSES, ["a"], ["c", "d"]):
        mine, other = (asked(ReadableGraph(g, classes), Random(5), PUSH) for g in (WalkGraph(loaded), fresh))
        assert mine == other


# --- with what a store says ----------------------------------------------------------------------------


class FakeStore:
    """The change sequence of a store whose graph is a small world."""

    data_generation = 0

    def __init__(self, hashes: dict[int, str]) -> None:
        self.hashes = hashes
        self.purges: list[int] = []

    def read(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of the two queries that files are judged by."""
        if name == "store/get_store":
            return [{"uuid": "store"}]
        assert name == "store/get_change"
        seq = parameters["seq"]
        return [{"hash": self.hashes.get(seq), "is_followed": any(purge > seq for purge in self.purges)}]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How graphs were come by: read whole, or caught up; the store never changes."""
    found: list[str] = []

    def read(*_: object) -> WalkGraph:
        found.append("read")
        return WalkGraph(built())

    def caught_up(*_: object) -> int:
        found.append("caught up")
        return 0

    monkeypatch.setattr("memwalk.walk._load.load_walk_graph", read)
    monkeypatch.setattr("memwalk.walk._load.catch_up", caught_up)
    return found


def get(folder: Path | None, store: FakeStore, present: PresentGraph | None = None) -> WalkGraph:
    """The graph in another process."""
    fake: Store = store  # type: ignore[assignment]  # it answers what is asked
    return (present or PresentGraph(folder)).get(fake)


def test_the_next_process_maps_it(tmp_path: Path, told: list[str]) -> None:
    """Read whole once; then from files, whichever process asks."""
    store = FakeStore({7: HASH})
    graphs = [get(tmp_path, store) for _ in range(3)]
    assert told == ["read", "caught up", "caught up"]
    assert len({json.dumps(graph.nodes.ids(range(graph.nodes.count))) for graph in graphs}) == 1
    assert get(None, store).watermark == 7
    assert told[-1] == "read"


@pytest.mark.parametrize("case", ["another hash", "beyond", "purged"])
def test_another_history_is_refused(tmp_path: Path, told: list[str], case: str) -> None:
    """A snapshot that the store's changes do not bear out is deleted, and the graph is read from the store."""
    store = FakeStore({7: HASH})
    path = save(SnapshotFolder(tmp_path / "store"), replace(built(), watermark=9))
    store.hashes |= {"another hash": {9: "cd" * 32}, "beyond": {}, "purged": {9: HASH, 10: HASH}}[case]
    store.purges = [7] if case != "purged" else [10]
    get(tmp_path, store)
    assert told == ["read"]
    assert not path.exists()
    assert (tmp_path / "store" / "7").exists() == (case != "purged")  # what is read here is of before the purge


def test_what_was_replaced_meanwhile_is_not_written(tmp_path: Path, told: list[str]) -> None:
    """A graph that was read while the database became another one is not kept under the other's hash."""

    class Replaced(FakeStore):
        def read(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
            self.data_generation = 1
            return super().read(name, **parameters)

    get(tmp_path, Replaced({7: HASH}))
    assert told == ["read"]
    assert SnapshotFolder(tmp_path / "store").manifests() == []


def test_a_folder_that_cannot_be_written(unprivileged: Path, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """A search goes on with a warning, whatever cannot be done with files."""
    store = FakeStore({7: HASH})
    unprivileged.joinpath("walk").mkdir(mode=0o500)
    assert len(get(unprivileged / "walk", store)) > 0
    assert "not kept in files" in caplog.text
    unprivileged.joinpath("walk").chmod(0o700)
    get(unprivileged / "walk", store)
    present = unprivileged / "walk" / "store"
    store.purges = [8]
    present.chmod(0o500)
    assert len(get(unprivileged / "walk", store)) > 0  # what must go cannot be deleted, and is not used
    assert told == ["read"] * 3
    assert present.joinpath("7").exists()
    assert "its files cannot be used" in caplog.text
    present.chmod(0)
    assert len(get(unprivileged / "walk", store)) > 0


def test_a_full_disk(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half written stays."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert len(get(tmp_path, FakeStore({7: HASH}))) > 0
    assert told == ["read"]
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"lock"}


def test_deleting_all(tmp_path: Path) -> None:
    """A data directory's files of all stores go, staged ones too; where there are none, nothing happens."""
    delete_walk_files(tmp_path)
    folder = SnapshotFolder(tmp_path / "walk" / "one")
    save(folder, built())
    shutil.copytree(folder.folder / "7", folder.folder / ".staged")
    save(SnapshotFolder(tmp_path / "walk" / "two"), built())
    delete_walk_files(tmp_path)
    assert set(files(tmp_path / "walk").values()) == {b""}
    assert {path.name for path in (tmp_path / "walk").glob("*/*")} == {"lock"}
