# SPDX-License-Identifier: Apache-2.0
"""The walk graph for other graph programs: they walk it as memwalk does, and it is no more than what may be read."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walk_worlds import CLASSES, World, difference

from memwalk.errors import NotInstalled
from memwalk.walk import (
    DEFAULT_PROFILE,
    ReadableGraph,
    UnitDetail,
    WalkGraph,
    describe_whole,
    to_frames,
    to_igraph,
    to_networkx,
    walk,
    whole_graph,
)
from memwalk.walk._rows import UNIT, fixed

if TYPE_CHECKING:
    from memwalk.walk import Whole

EXACT = replace(DEFAULT_PROFILE, engine="prpack")


def grown(random: Random) -> tuple[World, WalkGraph]:
    """A world, and a graph that followed it there: a base and an overlay."""
    world = World.make(random, random.randint(1, 6))
    graph = WalkGraph.build(world.told())
    for step in range(random.randint(0, 3)):
        before = world.told()
        world.change()
        graph.apply(difference(before, world.told()), step)
    return world, graph


def named(whole: Whole) -> dict[str, UnitDetail]:
    """Details as a store would tell them."""
    return {unit.id: UnitDetail(f"the {unit.kind} {unit.id}", "", "knows") for unit in whole.units}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
def test_others_walk_as_the_exact_engine_does(seed: int, damping: float) -> None:
    """Personalized PageRank by networkx and by igraph, on what each gets, is that of the exact engine."""
    random = Random(seed)
    _, graph = grown(random)
    readable = ReadableGraph(graph, random.sample(CLASSES, random.randint(1, 4)))
    profile = replace(EXACT, damping=damping, fact=random.uniform(0.1, 2), mention=random.uniform(0.1, 2))
    whole = whole_graph(readable, profile)
    plain = to_networkx(whole, named(whole)).to_undirected()
    joined = [unit for unit in plain if plain.degree(unit)]
    if not joined:
        return
    seeds = {unit: random.random() + 0.1 for unit in random.sample(joined, min(3, len(joined)))}
    mass = sum(seeds.values())
    walked = walk(readable, {graph.nodes.find(unit): share / mass for unit, share in seeds.items()}, profile).mass
    exact = {graph.nodes.id(node): share for node, share in walked.items()}
    other = nx.pagerank(plain, damping, personalization=seeds, tol=1e-13, max_iter=2_000)
    assert other == pytest.approx({unit: exact.get(unit, 0.0) for unit in plain}, abs=1e-9)
    network = to_igraph(whole, named(whole)).as_undirected(mode="each")
    reset = [seeds.get(unit, 0.0) for unit in network.vs["id"]]
    ranks = network.personalized_pagerank(reset=reset, damping=damping, weights="weight", directed=False)
    assert dict(zip(network.vs["id"], ranks, strict=True)) == pytest.approx(other, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_of_the_unreadable_is_in_it(seed: int) -> None:
    """It equals that of a graph which only ever held what may be read, in every attribute and count."""
    random = Random(seed)
    world, graph = grown(random)
    for count in range(len(CLASSES) + 1):
        classes = random.sample(CLASSES, count)
        mine = whole_graph(ReadableGraph(graph, classes))
        assert mine == whole_graph(ReadableGraph(WalkGraph.build(world.told(classes)), CLASSES))
        assert bool(mine.units) == any(p.policy in classes for ps in world.documents.values() for p in ps)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_all_that_is_told_is_in_it_once(seed: int) -> None:
    """Every mention, title, neighbour, synonym and fact is one edge, with what it weighs; every statement a row."""
    random = Random(seed)
    world, graph = grown(random)
    told = world.told()
    whole = whole_graph(ReadableGraph(graph, CLASSES))
    factor = DEFAULT_PROFILE
    expected: Counter[tuple[str, str, str, float]] = Counter()
    said: Counter[str] = Counter()
    for reading in told.readings:
        expected.update((reading.id, unit, "MENTIONS", factor.mention) for unit in reading.mentions)
        expected.update((reading.id, unit, "ABOUT", factor.about) for unit in reading.about)
        expected.update((reading.id, unit, "NEXT", factor.next) for unit in reading.beside if reading.id < unit)
        said.update(dict(reading.states))
    for entity in told.entities:
        for unit, score in entity.similar:
            if entity.id < unit:
                expected[entity.id, unit, "SIMILAR_TO", factor.similar * fixed(score) / UNIT] += 1
    for fact in told.facts:  # one about one entity alone is not walked over
        weight = 0.0 if fact.subject == fact.object else factor.fact * said[fact.id]
        expected[fact.subject, fact.object, "FACT", weight] += 1
    assert Counter((e.source, e.target, e.type, e.weight) for e in whole.edges) == expected
    assert {edge.fact: edge.times for edge in whole.edges if edge.fact} == said
    rows = {(row.fact, row.passage): row.times for row in whole.evidence}
    assert rows == {(fact, reading.id): count for reading in told.readings for fact, count in reading.states}
    assert [unit.id for unit in whole.units if unit.kind == "Passage"] == sorted(r.id for r in told.readings)


def test_what_is_withdrawn_meanwhile_is_left_out() -> None:
    """A unit that the store no longer tells of goes with its edges and its evidence, a fact with its edge."""
    world = World.make(Random(4), 6)
    whole = whole_graph(ReadableGraph(WalkGraph.build(world.told()), CLASSES))
    details = named(whole)
    gone = {next(edge.fact for edge in whole.edges if edge.fact), whole.evidence[-1].passage}
    left = describe_whole(whole, {unit: detail for unit, detail in details.items() if unit not in gone})
    assert {unit.id for unit in whole.units} - {unit.id for unit in left.units} == gone
    assert left.edges == [edge for edge in whole.edges if not gone & {edge.source, edge.target, edge.fact}]
    assert left.evidence == [row for row in whole.evidence if not gone & {row.fact, row.passage}]
    assert len(left.edges) < len(whole.edges)
    assert len(left.evidence) < len(whole.evidence)


def test_frames_hold_what_the_graphs_hold() -> None:
    """Frames, networkx and igraph have the same units and edges, also if there are none."""
    world = World.make(Random(1), 6)
    graph = WalkGraph.build(world.told())
    for classes in (CLASSES, ()):
        whole = whole_graph(ReadableGraph(graph, classes))
        details = named(whole)
        frames, plain = to_frames(whole, details), to_networkx(whole, details)
        network = to_igraph(whole, details)
        units = frames.units[frames.units["kind"] != "Fact"]
        assert dict(plain.nodes(data="name")) == dict(zip(network.vs["id"], network.vs["name"], strict=True))
        assert dict(plain.nodes(data="name")) == dict(units["name"])
        edges = Counter(zip(*(frames.edges[column] for column in ("source", "target", "type", "weight")), strict=True))
        assert edges == Counter(
            (u, v, kind, plain[u][v][key]["weight"]) for u, v, key, kind in plain.edges(data="type", keys=True)
        )
        ids = network.vs["id"]
        assert edges == Counter((ids[e.source], ids[e.target], e["type"], e["weight"]) for e in network.es)
        facts = frames.edges.dropna(subset="fact").set_index("fact")
        assert dict(facts["count"]) == dict(frames.evidence.groupby("fact")["count"].sum())
        assert set(frames.units.index) >= set(frames.evidence["passage"]) | set(facts.index)
    assert list(frames.edges) == ["source", "target", "type", "weight", "fact", "count", "predicate"]
    assert len(frames.units) == 0


def test_frames_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotInstalled, match=r"pip install 'memwalk\[frames\]'"):
        to_frames(whole_graph(ReadableGraph(WalkGraph(), ())), {})
