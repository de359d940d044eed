# SPDX-License-Identifier: Apache-2.0
"""The walk graph in files beside a real store: what opening costs, what a purge leaves, which history they are of."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.conftest import OWNER, renew
from tests.store.test_walk import BRIDGE, KING, SECRET, WORK, add, content
from tests.walk_files import files, holding

from memwalk import policy
from memwalk.memory import _present_graph
from memwalk.memory._present_graph import PresentGraph
from memwalk.units import DERIVED, purge_units, record_activity
from memwalk.walk import SnapshotFolder, _load, load_walk_graph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memwalk.memory import Memory
    from memwalk.memory._session import Models
    from memwalk.store import Reader, Store
    from memwalk.walk import WalkGraph
    from memwalk.walk._past import Moment


@contextmanager
def units_read() -> Iterator[list[str]]:
    """The units whose reading the walk asked for meanwhile."""
    read: list[str] = []
    original = _load._read

    def noted(reader: Reader, ids: list[str], moment: Moment) -> object:
        read.extend(ids)
        return original(reader, ids, moment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_load, "_read", noted)
        yield read


def watermarks(folder: Path, store: Store) -> list[int]:
    """Of the snapshots there are."""
    uuid = store.read("store/get_store")[0]["uuid"]
    return [manifest.watermark for manifest in SnapshotFolder(folder / uuid).manifests()]


def passage(store: Store, graph: WalkGraph, text: str) -> tuple[str, bytes]:
    """Id and vector, as bytes, of the passage that says this."""
    statement = "MATCH (p:Passage {text: $text}) RETURN p.id"
    unit: str = store.run_text(statement, {"text": text}, write=False, limit=2)[1][0][0]
    return unit, graph.nodes.vectors(np.array([graph.nodes.find(unit)])).tobytes()


def purge(store: Store, *units: str) -> None:
    """Purge units by themselves, as another machine would."""
    store.write(
        lambda tx: purge_units(tx, record_activity(tx, OWNER, "purge"), units), operation="purge", principal=OWNER
    )


def test_opening_costs_what_changed(store: Store, models: Models, tmp_path: Path) -> None:
    """Another process reads no unit but those that changed, and has the same graph."""
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    with units_read() as read:
        first = PresentGraph(tmp_path).get(store)
    assert len(read) >= len(first) > 0
    assert watermarks(tmp_path, store) == [first.watermark]
    before = store.queries_sent
    with units_read() as read:
        second = PresentGraph(tmp_path).get(store)
    assert read == []
    assert store.queries_sent - before <= 5
    assert content(second, [WORK]) == content(first, [WORK]) != {}

    add(store, models, "default", ("Jeanne d'Albret", SECRET))
    with units_read() as read:
        third = PresentGraph(tmp_path).get(store)
    whole = load_walk_graph(store)
    assert 0 < len(set(read)) < len(whole)
    assert content(third, [WORK]) == content(whole, [WORK])
    assert third.watermark == store.watermark()
    assert watermarks(tmp_path, store) == [first.watermark]  # a document alone is no reason to pack


def test_it_is_packed_when_much_has_changed(
    store: Store, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past a share of the snapshot it is written anew, once: who opens then reads nothing; results stay."""
    monkeypatch.setattr(_present_graph, "FEW", 0)
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    present, other = PresentGraph(tmp_path), PresentGraph(tmp_path)
    assert present.get(store).watermark == other.get(store).watermark
    add(store, models, "default", ("Henry IV of France", KING))
    graph = present.get(store)
    assert (watermarks(tmp_path, store), graph.overlay.entries) == ([graph.watermark], 0)
    written = files(tmp_path)
    assert content(other.get(store), [WORK]) == content(graph, [WORK])  # it takes what the first one wrote
    assert other.get(store).overlay.entries == 0
    assert files(tmp_path) == written
    with units_read() as read:
        assert content(PresentGraph(tmp_path).get(store), [WORK]) == content(load_walk_graph(store), [WORK])
    assert len(read) == len(set(read))  # of the whole load alone


def test_a_purge_leaves_nothing_in_files(memory: Memory) -> None:
    """When the purge has returned, no file holds the unit's id or vector; nor does one that is written then."""
    folder = memory._session.store.disk
    assert folder is not None
    store, models = memory._session.store, memory._session.models
    memory.create_principal("guest")
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    with memory._session.walk_graph() as graph:
        unit, _ = passage(store, graph, KING)
    policy.grant(store, OWNER, "guest", "reader", policy.OnUnit(unit, DERIVED))  # it has a class of its own name now
    stale = PresentGraph()
    old = stale.get(store)
    _, vector = passage(store, old, KING)
    with memory._session.walk_graph() as graph:
        memory._session.present._packed(store, graph)
    walk = folder / "walk"
    assert holding(walk, unit.encode(), vector) == {unit.encode(), vector}
    assert any(unit in data.decode() for name, data in files(walk).items() if name.endswith("manifest.json"))

    document = memory.show("Henry IV of France").id
    assert unit in memory.purge(document).units
    assert holding(walk, unit.encode(), document.encode(), vector) == set()
    # A process that was about to write what it had read before finds that it may not.
    late = PresentGraph(walk)
    late._files = SnapshotFolder(walk / store.read("store/get_store")[0]["uuid"])
    assert late._written(store, old) is None
    assert watermarks(walk, store) == []
    with memory._session.walk_graph() as graph:
        assert graph.nodes.find(unit) == -1  # nor in memory
        assert content(graph, [WORK]) == content(load_walk_graph(store), [WORK]) != {}
    assert watermarks(walk, store) == [store.watermark()]
    assert holding(walk, unit.encode(), document.encode(), vector) == set()


def test_what_was_purged_elsewhere_goes_on_sight(store: Store, models: Models, tmp_path: Path) -> None:
    """On this machine the files of before the purge go with the next use, by who had the graph open, or opens it."""
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING), ("Jeanne d'Albret", SECRET))
    present = PresentGraph(tmp_path)
    graph = present.get(store)
    for text, user in ((KING, present), (SECRET, PresentGraph(tmp_path))):
        unit, vector = passage(store, graph, text)
        purge(store, unit)
        assert holding(tmp_path, unit.encode(), vector) == {unit.encode(), vector}
        graph = user.get(store)
        assert holding(tmp_path, unit.encode(), vector) == set()
        assert graph.nodes.find(unit) == -1
        assert watermarks(tmp_path, store) == [store.watermark()]
        assert content(graph, [WORK]) == content(load_walk_graph(store), [WORK]) != {}


def test_another_history_is_refused(
    store: Store, models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Other changes under the same store and numbers, or fewer: the snapshot is not used, and goes."""
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    first = PresentGraph(tmp_path)
    seen = content(first.get(store), [WORK])
    uuid = store.read("store/get_store")[0]["uuid"]
    renew(store)
    store.run_text("MATCH (s:Store) SET s.uuid = $uuid", {"uuid": uuid}, write=True, limit=1)
    with caplog.at_level(logging.WARNING, "memwalk.walk"):
        assert len(PresentGraph(tmp_path).get(store)) == 0  # beyond its end
    assert watermarks(tmp_path, store) == []

    policy.set_owner(store, OWNER)
    policy.create_space(store, OWNER, "default")
    add(store, models, "default", ("Henry IV of France", KING))
    assert store.watermark() >= first.get(store).watermark
    again = PresentGraph(tmp_path).get(store)
    assert content(again, [WORK]) == content(load_walk_graph(store), [WORK]) != seen
    assert watermarks(tmp_path, store) == [again.watermark]
    assert not first._is_same_history(store)  # who still has the other one writes nothing
    assert caplog.text == ""
