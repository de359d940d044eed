# SPDX-License-Identifier: Apache-2.0
"""The strongest path from a seed to a node: why the walk came there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memwalk.walk._adjacency import Adjacency

__all__ = ["path_strengths", "strongest_path"]

_FAINT = 1e-30
"""Paths weaker than this are no reason for anything; it also ends the search on long chains."""


def path_strengths(graph: Adjacency, reset: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
    """Probability of the likeliest single walk from a seed to each node.

    A path's strength is the restart mass of its first node times, for each step, the damping and the
    probability of that step; this is the path's own contribution to the personalised PageRank of its
    end, up to the factor 1 - damping.

    Parameters
    ----------
    graph : Adjacency
    reset : float64 [nodes]
    damping : float

    Returns
    -------
    float64 [nodes]
        Zero where no seed leads, or only more faintly than 1e-30.

    Notes
    -----
    Bellman-Ford in the max-product semiring, all edges at once, which equals Dijkstra on the negative
    logarithms (the oracle in the tests). It ends: each step multiplies by at most `damping` < 1, so no
    path is improved by a loop.
    """
    strength = np.array(reset, dtype=np.float64)
    rows = graph.connected
    if not len(rows):
        return strength
    factor = damping * graph.inflow
    starts = graph.indptr[rows]
    while True:
        best = np.maximum.reduceat(factor * strength[graph.indices], starts)
        best[best < _FAINT] = 0.0
        if not (best > strength[rows]).any():
            return strength
        strength[rows] = np.maximum(strength[rows], best)


def strongest_path(
    graph: Adjacency, strength: NDArray[np.float64], reset: NDArray[np.float64], damping: float, node: int
) -> list[int]:
    """The nodes of the path that `path_strengths` found, seed first.

    Of equally strong paths the one whose nodes come first in canonical order, going back from the end.

    Parameters
    ----------
    graph : Adjacency
    strength : float64 [nodes]
        From `path_strengths` with the same arguments.
    reset : float64 [nodes]
    damping : float
    node : int
        Where the path ends.

    Returns
    -------
    list of int
        Only `node` when it is itself the seed; empty when no seed leads there.
    """
    if strength[node] <= 0:
        return []
    path = [node]
    while strength[path[-1]] > reset[path[-1]]:
        row = slice(graph.indptr[path[-1]], graph.indptr[path[-1] + 1])
        before = graph.indices[row]
        path.append(int(before[np.argmax(damping * graph.inflow[row] * strength[before])]))
    return path[::-1]
