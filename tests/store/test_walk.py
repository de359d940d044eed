# SPDX-License-Identifier: Apache-2.0
"""The walk graph read from a real store: exactly what a store without the unreadable would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memwalk import policy
from memwalk.ingest import Source, SpacyExtractor, add_sources, query_entities
from memwalk.units import DERIVED, UnitChange, as_draft, change_units, derived_id, write_drafts
from memwalk.walk import ReadableGraph, WalkGraph, catch_up, describe, load_walk_graph, read_contents, search
from memwalk.walk._rows import EDGE_TYPES, EVIDENCE, UNIT

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


def content(graph: WalkGraph, classes: list[str]) -> dict[object, object]:
    """All that who may read these classes finds in a graph."""
    readable = ReadableGraph(graph, classes)
    nodes = graph.nodes
    found: dict[object, object] = {}
    for node in range(nodes.count):
        if not graph.can_see(node, readable.mask):
            continue
        found[nodes.id(node)] = (nodes.seq[node], nodes.vectors(np.array([node])).tobytes(), graph.space_of(node))
        for (_, number, kind, target, fact), weight in graph.row(node, range(len(EDGE_TYPES)), readable.mask).items():
            if graph.can_see(target, readable.mask):
                ends = nodes.id(node), nodes.id(target), nodes.id(fact) if fact >= 0 else ""
                found[ends, graph.classes[number], EDGE_TYPES[kind]] = weight
    words, scores = graph.words.scores("henry of france the seine", readable.mask, nodes.policy)
    return found | {
        ("words", nodes.id(node)): score for node, score in zip(words.tolist(), scores.tolist(), strict=True)
    }


def test_the_unreadable_changes_nothing(store: Store, models: Models) -> None:
    """Adding what one may not read leaves one's graph, and so results and scores, as they were."""
    policy.create_space(store, OWNER, "home")
    graph = load_walk_graph(store)
    assert content(graph, [WORK]) == {}
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    before = load_walk_graph(store)
    add(store, models, "home", ("Jeanne d'Albret", SECRET))
    after = load_walk_graph(store)
    assert content(after, [WORK]) == content(before, [WORK]) != {}
    assert after.watermark == store.watermark() > before.watermark
    both = ReadableGraph(after, [HOME, WORK])
    assert content(after, [HOME, WORK]).keys() > content(after, [WORK]).keys()
    assert both.mentioned(both.find(derived_id("", "", "Entity", "pau"))) == 2
    assert content(after, []) == {}
    # The one that was there all the time catches up, and is the same.
    for old in (graph, before):
        assert catch_up(store, old) > 0
        assert content(old, [HOME, WORK]) == content(after, [HOME, WORK])
        assert catch_up(store, old) == 0


def test_counts_are_of_readable_evidence(store: Store, models: Models) -> None:
    """A fact that two passages say weighs two only for those who may read both."""
    policy.create_space(store, OWNER, "home")
    add(store, models, "default", ("A page", KING))
    add(store, models, "home", ("Another page", SECRET))
    graph = load_walk_graph(store)

    def weights(classes: list[str]) -> dict[str, int]:
        mask = graph.readable(classes)
        said = {graph.nodes.id(n): graph.weigh(n, EVIDENCE, mask) // UNIT for n in range(graph.nodes.count)}
        return {unit: count for unit, count in said.items() if count and unit in facts}

    facts = {row["id"] for row in store.read("walk/get_facts", ids=graph.nodes.ids(range(graph.nodes.count)))}
    work, home, both = weights([WORK]), weights([HOME]), weights([WORK, HOME])
    shared = work.keys() & home.keys()
    assert shared
    assert both.keys() == work.keys() | home.keys()
    assert all(both[fact] == work.get(fact, 0) + home.get(fact, 0) for fact in both)


def test_changed_document_equals_fresh_one(store: Store, models: Models) -> None:
    """After an edit the graph is that of the new text alone; one that catches up is the same."""
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    fresh = load_walk_graph(store)
    kept = load_walk_graph(store)
    add(store, models, "default", ("Pont Neuf", KING))
    catch_up(store, kept)
    assert content(load_walk_graph(store), [WORK]) == content(kept, [WORK]) != content(fresh, [WORK])
    add(store, models, "default", ("Pont Neuf", BRIDGE))
    catch_up(store, kept)
    assert content(load_walk_graph(store), [WORK]) == content(kept, [WORK])


def test_rights_are_followed(store: Store, models: Models) -> None:
    """A first grant on one passage gives it a class of its own: a graph that catches up is one that is read anew."""
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    policy.create_principal(store, OWNER, "guest")
    graph = load_walk_graph(store)
    passage = ReadableGraph(graph, [WORK]).nearest(models.embedder.encode(["the bridge"])[0], ("Passage",), 1)[0][0]
    unit = graph.nodes.id(passage)
    policy.grant(store, OWNER, "guest", "reader", policy.OnUnit(unit, DERIVED))
    assert catch_up(store, graph) > 0
    classes = policy.readable_classes(store, "guest")
    seen = content(graph, classes)
    assert unit in seen
    assert seen == content(load_walk_graph(store), classes)
    assert len([one for one in seen if isinstance(one, str)]) < len(
        content(graph, policy.readable_classes(store, OWNER))
    )


def test_search_over_the_store(store: Store, models: Models) -> None:
    """Two hops, from the store to results with reasons."""
    add(store, models, "default", ("Pont Neuf", BRIDGE), ("Henry IV of France", KING))
    graph = ReadableGraph(load_walk_graph(store), [WORK])
    query = "Where was the king under whom the Pont Neuf was finished born?"
    results = search(graph, query, models.embedder.encode([query])[0], query_entities(models.parser, query))
    contents = read_contents(store, (unit for one in results for unit in one.units), [WORK])
    assert {r.name for r in describe(results, contents)} == {"Pont Neuf", "Henry IV of France"}
    assert all(step.source_name and step.target_name for r in describe(results, contents) for step in r.path)
    assert read_contents(store, contents, [HOME]) == {}
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

    graph = load_walk_graph(store)

    def found() -> set[str]:
        catch_up(store, graph)
        results = search(ReadableGraph(graph, [WORK]), "Who wants lamps?", None)
        return {result.unit_id for result in results if result.kind != "Passage"}

    assert found() == {note.id, summary.id}
    change = UnitChange(note.id, 1, {"text": "Lamps for the harbour."})
    store.write(lambda tx: change_units(tx, [change]), operation="update", principal=OWNER)
    assert found() == {note.id}
    assert {hidden.id, note.id} <= content(graph, [WORK, HOME]).keys()
    assert content(graph, [WORK, HOME]) == content(load_walk_graph(store), [WORK, HOME])
