# SPDX-License-Identifier: Apache-2.0
"""Forward push against the exact engine on a graph whose hubs are nearly everywhere and seeded by every query."""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.walk_graphs import HUBS, best_nodes, class_names, hubs, queries, shaped

from memwalk.walk import DEFAULT_PROFILE, ReadableGraph, personalized_pagerank, walk
from memwalk.walk._readable import Best

if TYPE_CHECKING:
    import pytest

PUSH = replace(DEFAULT_PROFILE, sweep_share=float("inf"))
QUERIES = 200


def test_best_20_with_hubs_among_the_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    """Push, forced, at eps 1e-5: the best 20 of prpack in 99 % of queries, no sweep, and few entries touched."""
    graph = shaped(HUBS)
    readable = ReadableGraph(graph, class_names())
    assert np.bincount(graph.base.target).max() >= 20_000
    exact = readable.adjacency(PUSH)
    best = Best(20, ("Passage",), (1 - PUSH.echo) * (1 - PUSH.damping))
    same, edges, missed = [], [], []
    for seeds in queries(graph, QUERIES, always=hubs(HUBS)):
        assert set(hubs(HUBS)) <= seeds.keys()
        assert len(seeds) <= 20
        reset = np.zeros(graph.nodes.count)
        reset[list(seeds)] = list(seeds.values())
        mass = dict(enumerate(personalized_pagerank(exact, reset, PUSH.damping, "prpack").tolist()))
        pushed = walk(readable, seeds, PUSH, best)
        assert not pushed.swept
        same.append(best_nodes(readable, pushed.mass, seeds, best) == best_nodes(readable, mass, seeds, best))
        edges.append(pushed.edges)
        missed.append(pushed.missed)
    assert sum(same) >= 0.99 * QUERIES
    assert np.quantile(edges, 0.99) <= 20_000
    with capsys.disabled():
        sys.stderr.write(
            f"\nbest 20 as prpack's in {sum(same)} of {QUERIES} queries, entries touched "
            f"{statistics.median(edges):,.0f} in the median and at most {max(edges):,}, "
            f"mass missed {statistics.median(missed):.3f}\n"
        )
