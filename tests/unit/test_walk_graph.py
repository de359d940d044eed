# SPDX-License-Identifier: Apache-2.0
"""The walk graph: grown step by step it is what it is when built at once, and the unreadable changes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walk_checks import (
    EXACT,
    PROFILE,
    PUSH,
    asked,
    check_classes_change_nothing,
    check_the_unreadable_changes_nothing,
)
from tests.walk_worlds import CLASSES, World, difference, entity_id

from memwalk.walk import Changes, ReadableGraph, WalkGraph, walk
from memwalk.walk._push import over_relaxed, push
from memwalk.walk._readable import Best
from memwalk.walk._rows import EDGE_TYPES, MENTIONS


def snapshot(graph: WalkGraph) -> list[object]:
    """All that is in a graph but how it came about."""
    packed = graph.packed()
    names = packed.classes
    nodes = packed.nodes
    held: list[object] = [nodes.ids.tolist(), nodes.kind.tolist(), nodes.seq.tolist(), nodes.ends.tolist()]
    held += [[names[number] for number in nodes.policy], nodes.vectors.tobytes()]
    held += [
        graph.words.packed(graph.nodes.live()).word.tolist(),
        graph.words.packed(graph.nodes.live()).times.tolist(),
    ]
    edges: Counter[object] = Counter()
    fresh = WalkGraph(packed)
    for node in range(fresh.nodes.count):
        for (_, policy, kind, target, fact), weight in fresh.row(node, range(len(EDGE_TYPES))).items():
            ends = (fresh.nodes.id(node), fresh.nodes.id(target), fresh.nodes.id(fact) if fact >= 0 else "")
            edges[(*ends, names[policy], EDGE_TYPES[kind], weight)] += 1
    return [*held, edges]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_grown_is_built(seed: int) -> None:
    """After any changes the graph, its overlay and all, gives what one built of the rest gives, to the last bit."""
    random = Random(seed)
    world = World.make(random, random.randint(0, 3))
    graph = WalkGraph.build(world.told())
    for step in range(random.randint(1, 6)):
        before = world.told()
        for _ in range(random.randint(1, 3)):
            world.change()
        graph.apply(difference(before, world.told()), step)
        if random.random() < 0.2:
            graph = WalkGraph(graph.packed())
    built = WalkGraph.build(world.told())
    assert snapshot(graph) == snapshot(built)
    classes = random.sample(CLASSES, random.randint(0, 4))
    query = random.randrange(2**32)
    for profile in (PROFILE, PUSH):
        grown, fresh = (asked(ReadableGraph(g, classes), Random(query), profile) for g in (graph, built))
        assert [[one.unit_id for one in found] for found in grown] == [[one.unit_id for one in f] for f in fresh]
        assert [[one.score for one in found] for found in grown] == [[one.score for one in f] for f in fresh]
        assert [[one.seeds for one in found] for found in grown] == [[one.seeds for one in f] for f in fresh]
        assert [[one.inflow for one in found] for found in grown] == [[one.inflow for one in f] for f in fresh]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_the_unreadable_changes_nothing(seed: int) -> None:
    """For each set of classes a reader gets what a store that only ever held these would give: all engines."""
    assert check_the_unreadable_changes_nothing(seed) == 3 * 3 * len(CLASSES)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_classes_change_nothing(seed: int) -> None:
    """How what may be read is parted into policy classes changes no bit of a result."""
    assert check_classes_change_nothing(seed) == 3 * 3


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
def test_sweeps_are_exact(seed: int, damping: float) -> None:
    """Swept push, prpack, power iteration and networkx agree."""
    random = Random(seed)
    world = World.make(random, random.randint(1, 6))
    graph = ReadableGraph(WalkGraph.build(world.told()), random.sample(CLASSES, 3))
    nodes = [node for node in range(graph.graph.nodes.count) if graph.graph.can_see(node, graph.mask)]
    if not nodes:
        return
    chosen = random.sample(nodes, min(3, len(nodes)))
    seeds = {node: 1 / len(chosen) for node in chosen}
    profile = replace(PROFILE, damping=damping)
    exact = walk(graph, seeds, replace(profile, engine="prpack")).mass
    swept = walk(graph, seeds, replace(profile, sweep_share=0.0))
    power = walk(graph, seeds, replace(profile, engine="power")).mass
    for mass in (swept.mass, power):
        assert all(mass.get(node, 0.0) == pytest.approx(exact.get(node, 0.0), abs=1e-9) for node in nodes)
    adjacency = graph.adjacency(profile)
    plain = nx.Graph()
    plain.add_nodes_from(nodes)
    for node in nodes:
        row = slice(adjacency.indptr[node], adjacency.indptr[node + 1])
        targets, weights = adjacency.indices[row].tolist(), adjacency.weights[row].tolist()
        plain.add_weighted_edges_from((node, target, weight) for target, weight in zip(targets, weights, strict=True))
    for node in nodes:
        if not plain[node]:
            plain.add_edge(node, node, weight=1.0)
    other = nx.pagerank(plain, damping, personalization=seeds, tol=1e-13, max_iter=2_000)
    assert all(other[node] == pytest.approx(exact.get(node, 0.0), abs=1e-8) for node in nodes)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1e-2, 1e-3, 1e-4]))
def test_push_is_a_lower_bound_within_its_error(seed: int, eps: float) -> None:
    """Push never finds more than there is, and misses no more than eps times the degree at any node."""
    random = Random(seed)
    world = World.make(random, random.randint(2, 8))
    graph = ReadableGraph(WalkGraph.build(world.told()), CLASSES)
    nodes = graph.graph.nodes.count
    chosen = random.sample(range(nodes), min(3, nodes))
    seeds = {node: 1 / len(chosen) for node in chosen}
    exact = walk(graph, seeds, EXACT).mass
    pushed = walk(graph, seeds, replace(PUSH, eps=eps))
    degree = graph.adjacency(PUSH).degree
    for node in range(nodes):
        missed = exact.get(node, 0.0) - pushed.mass.get(node, 0.0)
        assert -1e-12 < missed <= eps * degree[node] + 1e-12
    assert pushed.missed == pytest.approx(1 - sum(pushed.mass.values()), abs=1e-9)
    assert not pushed.swept


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1e-2, 1e-3, 1e-4]), st.sampled_from([0.5, 0.75, 0.9]))
def test_over_relaxed_push_is_within_its_error(seed: int, eps: float, damping: float) -> None:
    """A push that gives more than it has ends on any graph, no further from the truth than eps times the degree."""
    random = Random(seed)
    world = World.make(random, random.randint(2, 8))
    graph = ReadableGraph(WalkGraph.build(world.told()), CLASSES)
    nodes = graph.graph.nodes.count
    chosen = np.array(sorted(random.sample(range(nodes), min(3, nodes))), dtype=np.int32)
    profile = replace(PUSH, damping=damping)
    exact = walk(graph, dict.fromkeys(chosen.tolist(), 1 / len(chosen)), replace(EXACT, damping=damping)).mass
    reset = np.full(len(chosen), 1 / len(chosen))
    space = graph.graph.space()
    over = over_relaxed(damping)
    pushed = push(graph.weighted(profile), chosen, reset, damping, eps, np.inf, space, over)
    found = dict(zip(pushed.nodes.tolist(), pushed.mass.tolist(), strict=True))
    degree = graph.adjacency(profile).degree
    assert over > 1
    assert pushed.eps == eps
    for node in range(nodes):
        assert abs(exact.get(node, 0.0) - found.get(node, 0.0)) <= eps * degree[node] + 1e-12
    assert pushed.missed == pytest.approx(1 - sum(found.values()), abs=1e-9)


def test_what_a_walk_may_touch() -> None:
    """A walk for its best nodes touches no more than it may but for the last level, fewer than one without limits."""
    random = Random(5)
    graph = ReadableGraph(WalkGraph.build(World.make(random, 60).told()), CLASSES)
    tight = replace(PUSH, push_entries=600, entries=1_000)
    free = replace(PUSH, push_entries=10**9, entries=10**9)
    for seed in random.sample(range(graph.graph.nodes.count), 10):
        if not graph.graph.can_see(seed, graph.mask) or not graph.graph.weigh(seed, MENTIONS, graph.mask):
            continue
        few, many = (walk(graph, {seed: 1.0}, profile, Best(20, ("Passage",), 0.25)) for profile in (tight, free))
        assert 600 < few.edges <= 1_000 + 2 * graph.entries
        assert few.edges < many.edges


def test_refused() -> None:
    """A unit that is told twice, and vectors of two lengths."""
    from memwalk.errors import InvalidArgument
    from memwalk.walk import Entity

    one = Entity(entity_id("ada"), 1, [1.0, 0.0])
    with pytest.raises(InvalidArgument, match="each unit once"):
        WalkGraph.build(Changes(entities=[one, one]))
    with pytest.raises(InvalidArgument, match="one length"):
        WalkGraph.build(Changes(entities=[one, Entity(entity_id("bern"), 1, [1.0])]))
    assert np.isclose(len(WalkGraph.build(Changes(entities=[one]))), 1)
