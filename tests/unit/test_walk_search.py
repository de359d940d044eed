# SPDX-License-Identifier: Apache-2.0
"""The walk graph and search over it, on a world small enough to check by hand."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memwalk.errors import InvalidArgument
from memwalk.units import derived_id
from memwalk.walk import (
    DEFAULT_PROFILE,
    Changes,
    Content,
    Entity,
    Fact,
    ReadableGraph,
    Reading,
    WalkGraph,
    describe,
    explain_result,
    find_seeds,
    named_entities,
)
from memwalk.walk import search as find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from memwalk.walk import Profile, Result


class Node(NamedTuple):
    """A unit of the world below."""

    id: str
    kind: str
    name: str
    text: str
    vector: NDArray[np.float32] | None


class Edge(NamedTuple):
    """An edge of the world below; `unit` is the fact of a FACT edge, which the passage `said_by` states."""

    type: str
    source: str
    target: str
    weight: float = 1.0
    unit: str = ""
    said_by: str = "p2"


def unit(*numbers: float) -> NDArray[np.float32]:
    vector = np.array(numbers, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def passage(unit_id: str, name: str, text: str, *vector: float) -> Node:
    return Node(unit_id, "Passage", name, text, unit(*vector))


def entity(name: str, *vector: float) -> Node:
    return Node(derived_id("", "", "Entity", name), "Entity", name, "", unit(*(vector or (0, 0, 1))))


def e(name: str) -> str:
    return entity(name).id


NODES = [
    passage("p1", "Pont Neuf", "The Pont Neuf was finished under Henry.", 1, 0, 0.2),
    passage("p2", "Henry", "Henry was born in Pau.", 0, 0.2, 1),
    passage("p3", "Pau", "Pau is a town in the mountains.", 0, 1, 0),
    passage("p4", "Lisbon", "Lisbon is a town by the sea.", 0.1, 1, 0),
    passage("p5", "", "A text that nothing is known of.", 0, 0.3, 1),
    entity("pont neuf"),
    entity("henry"),
    entity("pau"),
    entity("lisbon"),
    entity("henri", 0, 0.1, 1),
    Node("f1", "Fact", "henry was born in pau", "henry was born in pau", unit(0.2, 0.5, 1)),
]
EDGES = [
    Edge("MENTIONS", "p1", e("pont neuf")),
    Edge("MENTIONS", "p1", e("henry"), 2),
    Edge("MENTIONS", "p2", e("henry"), 3),
    Edge("MENTIONS", "p2", e("pau")),
    Edge("MENTIONS", "p3", e("pau")),
    Edge("MENTIONS", "p4", e("lisbon")),
    Edge("ABOUT", "p1", e("pont neuf")),
    Edge("ABOUT", "p2", e("henry")),
    Edge("ABOUT", "p3", e("pau")),
    Edge("ABOUT", "p4", e("lisbon")),
    Edge("FACT", e("henry"), e("pau"), 1, "f1"),
    Edge("SIMILAR_TO", e("henri"), e("henry"), 0.9),
    Edge("NEXT", "p3", "p4"),
]
QUERY = "Where was the man born who finished the Pont Neuf?"
VECTOR = unit(1, 0, 0)


def changes(nodes: Iterable[Node], edges: Iterable[Edge]) -> Changes:
    """These as the store tells them."""
    nodes, edges = list(nodes), list(edges)

    def ends(unit_id: str, kind: str) -> list[str]:
        return [edge.target for edge in edges if edge.type == kind and edge.source == unit_id]

    def both(unit_id: str, kind: str) -> list[Edge]:
        turned = [edge._replace(source=edge.target, target=edge.source) for edge in edges]
        return [edge for edge in (*edges, *turned) if edge.type == kind and edge.source == unit_id]

    facts = {edge.unit: edge for edge in edges if edge.type == "FACT"}
    return Changes(
        [
            Reading(
                id=node.id,
                kind="Passage",
                space="work",
                policy="work",
                seq=1,
                text=f"{node.name}\n{node.text}",
                vector=node.vector,
                mentions=ends(node.id, "MENTIONS"),
                about=ends(node.id, "ABOUT"),
                states=[(fact, int(edge.weight)) for fact, edge in facts.items() if edge.said_by == node.id],
                beside=[edge.target for edge in both(node.id, "NEXT")],
            )
            for node in nodes
            if node.kind == "Passage"
        ],
        [
            Entity(node.id, 1, node.vector, [(edge.target, edge.weight) for edge in both(node.id, "SIMILAR_TO")])
            for node in nodes
            if node.kind == "Entity"
        ],
        [
            Fact(node.id, 1, node.vector, facts[node.id].source, facts[node.id].target)
            for node in nodes
            if node.kind == "Fact"
        ],
    )


def build(nodes: Iterable[Node], edges: Iterable[Edge]) -> ReadableGraph:
    """The graph of these, for who may read it all."""
    return ReadableGraph(WalkGraph.build(changes(nodes, edges), 7), ["work"])


@pytest.fixture
def graph() -> ReadableGraph:
    return build(NODES, EDGES)


CONTENTS = {node.id: Content(node.name, node.text, 1) for node in NODES}


def search(
    graph: ReadableGraph,
    query: str,
    vector: NDArray[np.float32] | None,
    phrases: Sequence[str] = (),
    profile: Profile = DEFAULT_PROFILE,
    limit: int = 10,
    kinds: Sequence[str] = ("Note", "Passage", "Summary"),
) -> list[Result]:
    """Search, with the contents of the world above; what is not in it has none."""
    found = find(graph, query, vector, phrases, profile, limit, kinds=kinds)
    none = {unit: Content("", "", 1) for one in found for unit in one.units}
    return describe(found, none | CONTENTS)


def ranked(graph: ReadableGraph, query: str = QUERY, **changes: object) -> list[str]:
    profile = replace(DEFAULT_PROFILE, passages=1, **changes)  # type: ignore[arg-type]  # field by name
    return [r.unit_id for r in search(graph, query, VECTOR, ["pont neuf"], profile)]


def test_order_does_not_matter() -> None:
    """The same units and edges in any order give the same results, paths included."""
    shuffle = random.Random(3).shuffle
    first = build(NODES, EDGES)
    for _ in range(5):
        nodes, edges = list(NODES), list(EDGES)
        shuffle(nodes)
        shuffle(edges)
        assert search(build(nodes, edges), QUERY, VECTOR) == search(first, QUERY, VECTOR)


def test_graph_shape(graph: ReadableGraph) -> None:
    """What is in it, and counts of it."""
    assert graph.graph.watermark == 7
    assert repr(graph.graph) == "<WalkGraph at 7: 5 Entity, 1 Fact, 5 Passage; 0 entries of overlay>"
    assert len(graph.graph) == 11
    assert graph.mentioned(graph.find(e("henry"))) == 2
    assert graph.graph.nodes.ids(graph.defining(graph.find(e("pau")))) == ["p3"]
    assert graph.graph.nodes.ids(graph.ends(graph.find("f1"))) == [e("henry"), e("pau")]


def test_two_hops(graph: ReadableGraph) -> None:
    """The walk goes from the bridge over its king to the town, and says so."""
    results = search(graph, QUERY, VECTOR, ["pont neuf"], replace(DEFAULT_PROFILE, passages=1, fact_mass=0.0))
    assert [r.unit_id for r in results][:3] == ["p1", "p2", "p3"]
    assert "p5" not in [r.unit_id for r in results]
    bridge, king, town = results[:3]
    assert set(bridge.seeds) >= {"dense", "lexical", "about"}
    assert [(step.source_name, step.edge) for step in bridge.path] == [("pont neuf", "ABOUT")]
    assert not king.seeds
    assert [(s.edge, s.source_name, s.target_name) for s in king.path] == [
        ("MENTIONS", "Pont Neuf", "henry"),
        ("ABOUT", "henry", "Henry"),
    ]
    assert king.origin == bridge.seeds
    assert town.path[-1].edge == "ABOUT"
    assert math.prod(step.weight for step in town.path) > 0
    words = explain_result(town)
    assert "Pau  (score" in words
    assert "-[ABOUT" in words
    assert sum(town.inflow.values()) == pytest.approx(town.score, rel=0.01)
    assert "mass came over: ABOUT" in words


def test_path_names_the_fact(graph: ReadableGraph) -> None:
    """A step over a fact says what the fact says."""
    profile = replace(DEFAULT_PROFILE, passages=1, fact_mass=0.0, fact=50.0)
    results = {r.unit_id: r for r in search(graph, QUERY, VECTOR, ["pont neuf"], profile)}
    steps = results["p3"].path
    assert [step.edge for step in steps] == ["MENTIONS", "FACT", "ABOUT"]
    assert steps[1].fact == "henry was born in pau"
    assert "(henry was born in pau)" in explain_result(results["p3"])


def test_without_titles() -> None:
    """The walk needs no defining passages."""
    untitled = [n._replace(name="") if n.kind == "Passage" else n for n in NODES]
    graph = build(untitled, [edge for edge in EDGES if edge.type not in {"ABOUT", "NEXT"}])
    assert ranked(graph)[:3] == ["p1", "p2", "p3"]


def test_named_entities() -> None:
    """Phrases count if an entity has them, titles if they stand in the query; the longest of nested ones wins."""

    graph = build(NODES, [*EDGES, Edge("MENTIONS", "p5", e("henri"))])

    def names(query: str, *phrases: str) -> list[str]:
        return sorted(CONTENTS[graph.graph.nodes.id(node)].name for node in named_entities(graph, query, phrases))

    assert names("When was Henry there?", "henri", "nobody") == ["henri", "henry"]
    assert names("The PONT-NEUF!") == ["pont neuf"]
    assert names("henri") == []
    longer = build([*NODES, entity("pau of france")], [*EDGES, Edge("MENTIONS", "p5", e("pau of france"))])
    found = named_entities(longer, "Is Pau of France a town?", ["pau of france", "pau"])
    assert longer.graph.nodes.ids(found) == [e("pau of france")]


def test_quotas_are_shares_of_the_mass(graph: ReadableGraph) -> None:
    """Kinds of seeds get their quota however many there are; a kind without seeds leaves its to the others."""
    seeds = find_seeds(graph, QUERY, VECTOR, ["pont neuf"], replace(DEFAULT_PROFILE, fact_mass=0.0))
    shares = {kind: sum(part.values()) for kind, part in seeds.parts.items()}
    assert sum(seeds.mass.values()) == pytest.approx(1)
    assert shares["named"] == pytest.approx(0.25)
    assert shares["about"] == pytest.approx(0.25)
    assert shares["dense"] + shares["lexical"] == pytest.approx(0.5)
    assert shares["fact"] == 0
    alone = find_seeds(graph, "town", None, [], DEFAULT_PROFILE)
    assert sum(alone.parts["lexical"].values()) == pytest.approx(1)
    assert find_seeds(graph, "xyzzy", None, [], DEFAULT_PROFILE).mass == {}


def test_other_kinds(graph: ReadableGraph) -> None:
    """Entities and facts can be results too; a fact's score is the mass that crosses it."""
    results = search(graph, QUERY, VECTOR, ["henry"], kinds=("Entity", "Fact"))
    assert {r.kind for r in results} == {"Entity", "Fact"}
    fact = next(r for r in results if r.kind == "Fact")
    assert fact.score > 0
    assert fact.text == "henry was born in pau"
    assert fact.space == ""


def test_ties_are_in_canonical_order() -> None:
    """Twins rank by id, in whatever order they came."""
    twins = [passage(f"t{i}", "", "the same words", 1, 0) for i in range(4)]
    edges = [Edge("MENTIONS", twin.id, e("same")) for twin in twins]
    for order in permutations(twins):
        graph = build([*order, entity("same", 0, 1)], edges)
        results = search(graph, "words", unit(1, 0))
        assert [r.unit_id for r in results] == ["t0", "t1", "t2", "t3"]


def test_isolated_passage_is_found() -> None:
    """A passage nothing is known of keeps its seed mass and is found."""
    graph = build(NODES, EDGES)
    results = search(
        graph, "a text that nothing is known of", unit(0, 0.3, 1), profile=replace(DEFAULT_PROFILE, passages=2)
    )
    assert results[0].unit_id == "p5"


def test_engines_agree(graph: ReadableGraph) -> None:
    """Push and the exact engines rank alike."""
    assert ranked(graph) == ranked(graph, engine="power") == ranked(graph, engine="prpack")


def test_echo_ranks_by_pagerank(graph: ReadableGraph) -> None:
    """With a full echo the scores are PageRank's."""
    profile = replace(DEFAULT_PROFILE, echo=1.0)
    results = search(graph, QUERY, VECTOR, [], profile, 100, kinds=("Entity", "Passage"))
    assert sum(r.score for r in results) == pytest.approx(1)


def test_nothing_to_find() -> None:
    """An empty graph has no results; neither has one of entities that the query does not touch."""
    assert search(build([], []), QUERY, VECTOR, ["henry"]) == []
    assert search(build([entity("henry")], []), "who", None) == []


def test_without_vectors() -> None:
    """Words and names still work where no vector is stored."""
    graph = build([node._replace(vector=None) for node in NODES], EDGES)
    assert search(graph, QUERY, VECTOR)[0].unit_id == "p1"


def test_limit_and_vector_are_checked(graph: ReadableGraph) -> None:
    """No results asked for, or the vector of another embedder: refused."""
    assert len(search(graph, QUERY, VECTOR, limit=2)) == 2
    with pytest.raises(InvalidArgument, match="limit"):
        search(graph, QUERY, VECTOR, limit=0)
    with pytest.raises(InvalidArgument, match="query vector"):
        search(graph, QUERY, unit(1, 0))


def test_words() -> None:
    """BM25 as published (Lucene's idf), on any script, over the readable texts alone."""
    texts = {"t0": "red fish", "t1": "blue FISH fish", "t2": "Ёлка und Straße", "t3": "red hidden fish"}
    graph = WalkGraph.build(
        Changes([Reading(i, "Passage", "", "b" if i == "t3" else "a", 1, text, None) for i, text in texts.items()])
    )
    readable = ReadableGraph(graph, ["a"])

    def scores(query: str) -> dict[str, float]:
        return {graph.nodes.id(node): score for node, score in readable.words(query, 9)}

    def expected(times: int, length: int, documents: int) -> float:
        idf = math.log(1 + (3 - documents + 0.5) / (documents + 0.5))
        return idf * times / (times + 0.9 * (1 - 0.4 + 0.4 * length / (8 / 3)))

    assert scores("fish?") == pytest.approx({"t1": expected(2, 3, 2), "t0": expected(1, 2, 2)})
    assert list(scores("ёлка STRASSE")) == ["t2"]
    assert scores("red red fish")["t0"] == pytest.approx(2 * expected(1, 2, 1) + expected(1, 2, 2))
    assert scores("nothing known") == scores("hidden") == scores("") == {}


@given(st.lists(st.text("ab ", max_size=8), min_size=1, max_size=6), st.text("abc ", max_size=6))
def test_words_against_a_library(texts: list[str], query: str) -> None:
    """The same scores as bm25s gives, which sees the whole corpus at once."""
    import bm25s

    texts = [text for text in texts if text.split()]
    graph = WalkGraph.build(
        Changes([Reading(f"t{i}", "Passage", "", "a", 1, text, None) for i, text in enumerate(texts)])
    )
    found = {graph.nodes.id(node): score for node, score in ReadableGraph(graph, ["a"]).words(query, 9)}
    vocabulary = {word: i for i, word in enumerate(sorted({word for text in texts for word in text.split()}))}
    known = [vocabulary[word] for word in query.split() if word in vocabulary]
    if not known:
        assert found == {}
        return
    index = bm25s.BM25(k1=0.9, b=0.4)
    index.index(([[vocabulary[word] for word in text.split()] for text in texts], vocabulary), show_progress=False)
    plain = index.get_scores_from_ids(known)
    assert found == pytest.approx({f"t{i}": score for i, score in enumerate(plain) if score > 0}, rel=1e-5)
