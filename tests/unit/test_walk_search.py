# SPDX-License-Identifier: Apache-2.0
"""The walk graph and search over it, on a world small enough to check by hand."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memwalk.errors import InvalidArgument
from memwalk.walk import (
    DEFAULT_PROFILE,
    Edge,
    LexicalIndex,
    Node,
    WalkGraph,
    explain_result,
    named_entities,
    search,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unit(*numbers: float) -> NDArray[np.float32]:
    vector = np.array(numbers, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def passage(unit_id: str, name: str, text: str, *vector: float, space: str = "work") -> Node:
    return Node(unit_id, "Passage", name, text, space, 1, unit(*vector))


def entity(name: str, *vector: float) -> Node:
    return Node(f"e-{name}", "Entity", name, "", "", 1, unit(*(vector or (0, 0, 1))))


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
    Node("f1", "Fact", "henry was born in pau", "henry was born in pau", "", 1, unit(0.2, 0.5, 1)),
]
EDGES = [
    Edge("MENTIONS", "p1", "e-pont neuf"),
    Edge("MENTIONS", "p1", "e-henry", 2),
    Edge("MENTIONS", "p2", "e-henry", 3),
    Edge("MENTIONS", "p2", "e-pau"),
    Edge("MENTIONS", "p3", "e-pau"),
    Edge("MENTIONS", "p4", "e-lisbon"),
    Edge("ABOUT", "p1", "e-pont neuf"),
    Edge("ABOUT", "p2", "e-henry"),
    Edge("ABOUT", "p3", "e-pau"),
    Edge("ABOUT", "p4", "e-lisbon"),
    Edge("FACT", "e-henry", "e-pau", 1, "f1"),
    Edge("SIMILAR_TO", "e-henri", "e-henry", 0.9),
    Edge("NEXT", "p3", "p4"),
]
QUERY = "Where was the man born who finished the Pont Neuf?"
VECTOR = unit(1, 0, 0)


@pytest.fixture
def graph() -> WalkGraph:
    return WalkGraph.build(NODES, EDGES, watermark=7)


def ranked(graph: WalkGraph, query: str = QUERY, **changes: object) -> list[str]:
    profile = replace(DEFAULT_PROFILE, passages=1, **changes)  # type: ignore[arg-type]  # field by name
    return [r.unit_id for r in search(graph, query, VECTOR, ["pont neuf"], profile)]


def arrays(graph: WalkGraph) -> list[object]:
    plain = [graph.ids, graph.kinds, graph.names, graph.texts, graph.spaces]
    held = (graph.seqs, graph.vectors, graph.source, graph.target, graph.types, graph.weights, graph.units)
    return plain + [array.tolist() for array in held]


def test_order_does_not_matter() -> None:
    """The same units and edges in any order, edges from either end, give the same arrays and ranking."""
    shuffle = random.Random(3).shuffle
    first = WalkGraph.build(NODES, EDGES)
    for _ in range(5):
        nodes = list(NODES)
        edges = [random.Random(4).choice([e, e._replace(source=e.target, target=e.source)]) for e in EDGES]
        shuffle(nodes)
        shuffle(edges)
        other = WalkGraph.build(nodes, edges)
        assert arrays(other) == arrays(first)
        assert search(other, QUERY, VECTOR) == search(first, QUERY, VECTOR)


def test_graph_shape(graph: WalkGraph) -> None:
    """Kinds are slices, counts are readable ones, arrays cannot be written."""
    assert graph.watermark == 7
    assert repr(graph) == "<WalkGraph at 7: 5 Entity, 1 Fact, 5 Passage; 13 edges>"
    assert graph.ids[graph.slice("Passage")] == ("p1", "p2", "p3", "p4", "p5")
    assert graph.slice("Message") == slice(0, 0)
    assert graph.mentioned[graph.entities["henry"]] == 2
    assert graph.defining[graph.entities["pau"]] == (graph.ids.index("p3"),)
    with pytest.raises(ValueError, match="read-only"):
        graph.weights[0] = 1.0


def test_refused_nodes() -> None:
    """An id that occurs twice, or vectors of two lengths, are refused."""
    with pytest.raises(InvalidArgument, match="each id once"):
        WalkGraph.build([NODES[0], NODES[0]], [])
    with pytest.raises(InvalidArgument, match="one length"):
        WalkGraph.build([NODES[0], passage("p9", "", "", 1, 0)], [])


def test_two_hops(graph: WalkGraph) -> None:
    """The walk goes from the bridge over its king to the town, and says so."""
    results = search(graph, QUERY, VECTOR, ["pont neuf"], replace(DEFAULT_PROFILE, passages=1))
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


def test_path_names_the_fact(graph: WalkGraph) -> None:
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
    graph = WalkGraph.build(untitled, [e for e in EDGES if e.type not in {"ABOUT", "NEXT"}])
    assert ranked(graph)[:3] == ["p1", "p2", "p3"]


def test_unreadable_is_not_there() -> None:
    """Leaving a passage out, with what only it evidences, equals a world in which it never was.

    Edges to what is left out may still be given: they change nothing, not even the order of ties.
    """
    gone = {"p2", "f1"}
    nodes = [n for n in NODES if n.id not in gone]
    kept = [e for e in EDGES if not {e.source, e.target, e.unit} & gone]
    clean, dangling = WalkGraph.build(nodes, kept), WalkGraph.build(nodes, EDGES)
    assert arrays(clean) == arrays(dangling)
    assert search(clean, QUERY, VECTOR) == search(dangling, QUERY, VECTOR)
    assert clean.mentioned[clean.entities["henry"]] == 1
    assert "henry was born in pau" not in clean.names


def test_named_entities(graph: WalkGraph) -> None:
    """Phrases count if an entity has them, titles if they stand in the query; the longest of nested ones wins."""

    def names(query: str, *phrases: str) -> list[str]:
        return [graph.names[node] for node in named_entities(graph, query, phrases)]

    assert names("When was Henry there?", "henri", "nobody") == ["henri", "henry"]
    assert names("The PONT-NEUF!") == ["pont neuf"]
    assert names("henri") == []
    longer = WalkGraph.build([*NODES, entity("pau of france")], EDGES)
    found = named_entities(longer, "Is Pau of France a town?", ["pau of france", "pau"])
    assert [longer.names[node] for node in found] == ["pau of france"]


def test_quotas_are_shares_of_the_mass(graph: WalkGraph) -> None:
    """Kinds of seeds get their quota however many there are; a kind without seeds leaves its to the others."""
    from memwalk.walk import find_seeds

    seeds = find_seeds(graph, QUERY, VECTOR, ["pont neuf"], replace(DEFAULT_PROFILE, fact_mass=0.0))
    shares = {kind: part.sum() for kind, part in seeds.parts.items()}
    assert seeds.mass.sum() == pytest.approx(1)
    assert shares["named"] == pytest.approx(0.25)
    assert shares["about"] == pytest.approx(0.25)
    assert shares["dense"] + shares["lexical"] == pytest.approx(0.5)
    assert shares["fact"] == 0
    alone = find_seeds(graph, "xyzzy", None, [], DEFAULT_PROFILE)
    assert alone.parts["dense"].sum() == pytest.approx(1)


def test_other_kinds(graph: WalkGraph) -> None:
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
    edges = [Edge("MENTIONS", t.id, "e-same") for t in twins]
    for order in permutations(twins):
        graph = WalkGraph.build([*order, entity("same", 0, 1)], edges)
        results = search(graph, "words", unit(1, 0))
        assert [r.unit_id for r in results] == ["t0", "t1", "t2", "t3"]


def test_isolated_passage_is_found() -> None:
    """A passage nothing is known of keeps its seed mass and is found."""
    graph = WalkGraph.build(NODES, EDGES)
    results = search(
        graph, "a text that nothing is known of", unit(0, 0.3, 1), profile=replace(DEFAULT_PROFILE, passages=2)
    )
    assert results[0].unit_id == "p5"


def test_engines_agree(graph: WalkGraph) -> None:
    """The exact engine and power iteration rank alike."""
    assert ranked(graph) == ranked(graph, engine="power")


def test_echo_ranks_by_pagerank(graph: WalkGraph) -> None:
    """With a full echo the scores are PageRank's."""
    profile = replace(DEFAULT_PROFILE, echo=1.0)
    results = search(graph, QUERY, VECTOR, [], profile, 100, kinds=("Entity", "Passage"))
    assert sum(r.score for r in results) == pytest.approx(1)


def test_nothing_to_find() -> None:
    """An empty graph has no results; neither has one of entities that the query does not touch."""
    assert search(WalkGraph.build([], []), QUERY, VECTOR, ["henry"]) == []
    assert search(WalkGraph.build([entity("henry")], []), "who", None) == []


def test_without_vectors() -> None:
    """Words and names still work where no vector is stored."""
    graph = WalkGraph.build([n._replace(vector=None) for n in NODES], EDGES)
    assert search(graph, QUERY, VECTOR)[0].unit_id == "p1"


def test_limit_and_vector_are_checked(graph: WalkGraph) -> None:
    """No results asked for, or the vector of another embedder: refused."""
    assert len(search(graph, QUERY, VECTOR, limit=2)) == 2
    with pytest.raises(InvalidArgument, match="limit"):
        search(graph, QUERY, VECTOR, limit=0)
    with pytest.raises(InvalidArgument, match="query vector"):
        search(graph, QUERY, unit(1, 0))


def test_lexical() -> None:
    """BM25 as published (Lucene's idf), on any script, over these texts alone."""
    index = LexicalIndex(["red fish", "blue FISH fish", "", "Ёлка und Straße"])
    lengths = [2, 3, 0, 3]
    mean = sum(lengths) / 4

    def expected(times: int, length: int, documents: int) -> float:
        idf = math.log(1 + (4 - documents + 0.5) / (documents + 0.5))
        return idf * times / (times + 0.9 * (1 - 0.4 + 0.4 * length / mean))

    assert index.scores("fish?") == pytest.approx([expected(1, 2, 2), expected(2, 3, 2), 0, 0], rel=1e-5)
    assert index.scores("ёлка STRASSE").argmax() == 3
    assert index.scores("red red fish")[0] == pytest.approx(2 * expected(1, 2, 1) + expected(1, 2, 2), rel=1e-5)
    assert not index.scores("nothing known").any()
    assert not index.scores("").any()
    assert LexicalIndex([]).scores("x").shape == (0,)
    assert not LexicalIndex(["", "!"]).scores("x").any()
