# SPDX-License-Identifier: Apache-2.0
"""The walk's kernels against plain twins and networkx, on random graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memwalk.errors import InvalidArgument
from memwalk.walk import Adjacency, path_strengths, personalized_pagerank, power_iteration, strongest_path

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:networkx")

World = tuple[int, list[tuple[int, int, float]], list[float], float]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Nodes, edges (parallel ones and loops among them), restart masses, damping."""
    nodes = draw(st.integers(1, 12))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node, st.sampled_from([0.0, 0.5, 0.8125, 1.0, 3.0])), max_size=30))
    masses = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0]), min_size=nodes, max_size=nodes).filter(any))
    return nodes, edges, masses, draw(st.sampled_from([0.0, 0.5, 0.75, 0.95]))


def adjacency(nodes: int, edges: list[tuple[int, int, float]]) -> Adjacency:
    source, target, weight = zip(*edges, strict=True) if edges else ((), (), ())
    return Adjacency.build(
        nodes, np.array(source, dtype=np.int64), np.array(target, dtype=np.int64), np.array(weight, dtype=np.float64)
    )


def plain(nodes: int, edges: list[tuple[int, int, float]]) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(nodes))
    for source, target, weight in edges:
        if source != target and weight > 0:
            old = graph.get_edge_data(source, target, {"weight": 0.0})["weight"]
            graph.add_edge(source, target, weight=old + weight)
    return graph


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_adjacency(world: World) -> None:
    """CSR holds each pair from both ends with the summed weight, and knows the heaviest of parallel edges."""
    nodes, edges, _, _ = world
    graph, expected = adjacency(nodes, edges), plain(nodes, edges)
    found = {}
    for entry, (row, column) in enumerate(zip(graph.rows, graph.indices, strict=True)):
        found[int(row), int(column)] = graph.weights[entry]
        source, target, weight = edges[graph.edge[entry]]
        assert {source, target} == {row, column}
        assert weight == max(w for s, t, w in edges if {s, t} == {row, column})
    assert found == pytest.approx({pair: w for a, b, w in expected.edges.data("weight") for pair in ((a, b), (b, a))})
    assert graph.degree == pytest.approx([expected.degree(n, weight="weight") for n in range(nodes)])


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_pagerank(world: World) -> None:
    """PRPACK, power iteration and networkx agree; an isolated node keeps its mass."""
    nodes, edges, masses, damping = world
    graph, reference = adjacency(nodes, edges), plain(nodes, edges)
    reset = np.array(masses)
    exact = personalized_pagerank(graph, reset, damping)
    by_power = power_iteration(graph, reset, damping)
    for node in [n for n in reference if reference.degree(n) == 0]:
        reference.add_edge(node, node, weight=1.0)
    expected = nx.pagerank(
        reference, damping, personalization=dict(enumerate(masses)), tol=1e-12 / nodes, max_iter=10_000
    )
    assert exact == pytest.approx([expected[n] for n in range(nodes)], abs=1e-8)
    assert by_power == pytest.approx([expected[n] for n in range(nodes)], abs=1e-9)
    assert exact.sum() == pytest.approx(1)


@given(worlds())
@settings(max_examples=150, deadline=None)
def test_strongest_path(world: World) -> None:
    """Strengths equal Dijkstra's on negative logarithms, and the path that is told has that strength."""
    nodes, edges, masses, damping = world
    graph = adjacency(nodes, edges)
    reset = np.array(masses) / sum(masses)
    strength = path_strengths(graph, reset, damping)
    steps = nx.DiGraph()
    steps.add_nodes_from(range(nodes))
    steps.add_weighted_edges_from(("seed", n, -np.log(reset[n])) for n in range(nodes) if reset[n] > 0)
    if damping > 0:
        for entry, (row, column) in enumerate(zip(graph.rows, graph.indices, strict=True)):
            weight = -np.log(damping * graph.weights[entry] / graph.degree[row])
            steps.add_edge(int(row), int(column), weight=weight)
    lengths = nx.single_source_dijkstra_path_length(steps, "seed")
    assert strength == pytest.approx([np.exp(-lengths[n]) if n in lengths else 0.0 for n in range(nodes)])
    for node in range(nodes):
        found, path = strongest_path(graph, reset, damping, node)
        assert found == strength[node]
        if node not in lengths:
            assert path == []
            continue
        told = nx.path_weight(steps, ["seed", *path], "weight")
        assert path[-1] == node
        assert told == pytest.approx(lengths[node])


def test_strongest_path_on_long_chain() -> None:
    """A chain too long for its end to be reached by a sensible path ends the search, not the program."""
    count = 5_000
    chain = np.arange(count - 1)
    graph = Adjacency.build(count, chain, chain + 1, np.ones(count - 1))
    reset = np.zeros(count)
    reset[0] = 1.0
    strength = path_strengths(graph, reset, 0.75)
    assert strongest_path(graph, reset, 0.75, 20) == (strength[20], list(range(21)))
    assert strength[20] > 0
    assert strongest_path(graph, reset, 0.75, count - 1) == (0.0, [])


@pytest.mark.parametrize("damping", [-0.1, 1.0, float("nan")])
def test_refused_damping(damping: float) -> None:
    """A damping that would not end is refused."""
    with pytest.raises(InvalidArgument, match="damping"):
        personalized_pagerank(adjacency(2, [(0, 1, 1.0)]), np.array([1.0, 0.0]), damping)


@pytest.mark.parametrize("reset", [[0.0, 0.0], [1.0], [-1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_refused_reset(reset: list[float]) -> None:
    """Masses that are none are refused."""
    with pytest.raises(InvalidArgument, match="reset"):
        power_iteration(adjacency(2, [(0, 1, 1.0)]), np.array(reset))
