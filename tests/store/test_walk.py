# SPDX-License-Identifier: Apache-2.0
"""The walk graph read from a real store: exactly what a store without the unreadable would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk import policy
from memwalk.ingest import Source, SpacyExtractor, add_sources, query_entities
from memwalk.units import UnitChange, as_draft, change_units, write_drafts
from memwalk.walk import WalkGraph, load_walk_graph, search

if TYPE_CHECKING:
    from memwalk.memory._session import Models
    from memwalk.store import Store
    from memwalk.units import UnitRef

OWNER = "owner"
WORK, HOME = policy.right_of("default"), policy.right_of("home")
BRIDGE = "The Pont Neuf was finished under King Henry IV of France. It crosses the Seine in Paris."
KING = "Henry IV of France was born in Pau. His mother was Jeanne d'Albret."
SECRET = "Jeanne d'Albret hid the Seine papers in Pau. Henry IV of France was born in Pau."


def add(store: Store, models: Models, space: str, *documents: tuple[str, str]) -> None:
    """Add titled texts."""
    sources = [Source(f"test:{title}", title, text, "text", is_titled=True) for title, text in documents]
    add_sources(store, OWNER, space, sources, extractor=SpacyExtractor(models.parser), embedder=models.embedder)


def content(graph: WalkGraph) -> list[object]:
    """All that is in a graph but its watermark and head versions."""
    plain = [graph.ids, graph.kinds, graph.names, graph.texts, graph.spaces, graph.vectors.tobytes()]
    return plain + [a.tolist() for a in (graph.source, graph.target, graph.types, graph.weights, graph.units)]


def test_the_unreadable_changes_nothing(store: Store, models: Models) -> None:
    """Adding what one may not read leaves one's graph, and so results and scores, as they were."""
    policy.create_space(store, OWNER, "home")
    assert len(load_walk_graph(store, [WORK])) == 0
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    before = load_walk_graph(store, [WORK])
    add(store, models, "home", ("Jeanne d'Albret", SECRET))
    after = load_walk_graph(store, [WORK])
    assert content(after) == content(before)
    assert after.seqs.tolist() == before.seqs.tolist()
    assert after.watermark == store.watermark() > before.watermark
    both = load_walk_graph(store, [HOME, WORK])
    assert both.kinds.count("Passage") == 3
    assert set(both.ids) > set(after.ids)
    assert both.mentioned[both.entities["pau"]] == 2
    assert load_walk_graph(store, []).ids == ()


def test_counts_are_of_readable_evidence(store: Store, models: Models) -> None:
    """A fact that two passages say weighs two only for those who may read both."""
    policy.create_space(store, OWNER, "home")
    add(store, models, "default", ("A page", KING))
    add(store, models, "home", ("Another page", SECRET))

    def weights(classes: list[str]) -> dict[str, float]:
        graph = load_walk_graph(store, classes)
        return {graph.names[u]: w for u, w in zip(graph.units, graph.weights, strict=True) if u >= 0}

    work, home, both = weights([WORK]), weights([HOME]), weights([WORK, HOME])
    shared = work.keys() & home.keys()
    assert shared
    assert both.keys() == work.keys() | home.keys()
    assert all(both[fact] == work.get(fact, 0) + home.get(fact, 0) for fact in both)


def test_changed_document_equals_fresh_one(store: Store, models: Models) -> None:
    """After an edit the graph is that of the new text alone."""
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    fresh = load_walk_graph(store, [WORK])
    add(store, models, "default", ("Pont Neuf", KING))
    assert content(load_walk_graph(store, [WORK])) != content(fresh)
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    assert content(load_walk_graph(store, [WORK])) == content(fresh)


def test_search_over_the_store(store: Store, models: Models) -> None:
    """Two hops, from the store to results with reasons."""
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    graph = load_walk_graph(store, [WORK])
    query = "Where was the king under whom the Pont Neuf was finished born?"
    results = search(graph, query, models.embedder.encode([query])[0], query_entities(models.parser, query))
    assert {r.name for r in results} == {"Pont Neuf", "Henry IV of France"}
    assert all(r.seeds or r.path for r in results)
    assert all(r.space == "default" for r in results)


def test_notes_are_walked_and_stale_ones_are_not(store: Store, models: Models) -> None:
    """A note and a summary are found as passages are, by those who may read them, until a source changes."""
    policy.create_space(store, OWNER, "home")
    add(store, models, "default", ("Pont Neuf", BRIDGE))

    def write(*values: dict[str, object]) -> list[UnitRef]:
        drafts = [as_draft(value, principal=OWNER, space="default") for value in values]
        return store.write(lambda tx: write_drafts(tx, drafts), operation="add", principal=OWNER)

    note, hidden = write({"text": "Lamps for the lighthouse."}, {"text": "Lamps for the cellar.", "space": "home"})
    (summary,) = write({"kind": "Summary", "text": "Lamps everywhere.", "derived_from": [note.id]})

    def found() -> set[str]:
        results = search(load_walk_graph(store, [WORK]), "Who wants lamps?", None)
        return {result.unit_id for result in results if result.kind != "Passage"}

    assert found() == {note.id, summary.id}
    change = UnitChange(note.id, 1, {"text": "Lamps for the harbour."})
    store.write(lambda tx: change_units(tx, [change]), operation="update", principal=OWNER)
    assert found() == {note.id}
    assert {hidden.id, note.id} <= set(load_walk_graph(store, [WORK, HOME]).ids)
