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
_BAND = 0.1
"""Nodes down to this share of the strongest open one are expanded together."""


def strongest_path(graph: Adjacency, reset: NDArray[np.float64], damping: float, node: int) -> tuple[float, list[int]]:
    """The likeliest single walk from a seed to a node.

    A path's strength is the restart mass of its first node times, for each step, the damping and the
    probability of that step; this is the path's own contribution to the personalised PageRank of its
    end, up to the factor 1 - damping.

    Parameters
    ----------
    graph : Adjacency
    reset : float64 [nodes]
        Starting mass; put zero at `node` for the strongest path from elsewhere.
    damping : float
    node : int
        Where the path ends.

    Returns
    -------
    strength : float
        Zero when no seed leads there, or only more faintly than 1e-30.
    path : list of int
        Seed first; `node` alone when it is the seed. Of equally strong paths the one whose nodes come
        first in canonical order, going back from the end.

    Notes
    -----
    Dijkstra's algorithm on the negative logarithms, but open nodes of about the same strength are
    expanded together as arrays, and again if one turns out stronger (delta-stepping [1]_). It looks no
    further than nodes stronger than the answer.

    References
    ----------
    .. [1] U. Meyer, P. Sanders, "Delta-stepping: a parallelizable shortest path algorithm", J. Algorithms
           49 (2003).

    See Also
    --------
    path_strengths : the plain twin, for all nodes.
    """
    strength = np.array(reset, dtype=np.float64)
    opened = np.nonzero(strength)[0]
    while len(opened):
        top = strength[opened].max()
        if top <= max(strength[node], _FAINT):
            break
        near = strength[opened] >= max(_BAND * top, strength[node], _FAINT)
        batch, opened = opened[near], opened[~near]
        starts, counts = graph.indptr[batch], np.diff(graph.indptr)[batch]
        entries = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        reached = graph.indices[entries]
        offered = damping * graph.outflow[entries] * np.repeat(strength[batch], counts)
        better = offered > np.maximum(strength[reached], _FAINT)
        np.maximum.at(strength, reached[better], offered[better])
        opened = np.union1d(opened, reached[better])
    if strength[node] <= _FAINT:
        return 0.0, []
    path = [node]
    while strength[path[-1]] > reset[path[-1]]:
        row = slice(graph.indptr[path[-1]], graph.indptr[path[-1] + 1])
        before = graph.indices[row]
        path.append(int(before[np.argmax(damping * graph.inflow[row] * strength[before])]))
    return float(strength[node]), path[::-1]


def path_strengths(graph: Adjacency, reset: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
    """Strength of the strongest path to each node (see `strongest_path`), plainly.

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
    Bellman-Ford in the max-product semiring, all edges at once. It ends: each step multiplies by at most
    `damping` < 1, so no path is improved by a loop.
    """
    strength = np.where(reset > _FAINT, reset, 0.0)
    rows = graph.connected
    if not len(rows):
        return strength
    factor = damping * graph.inflow
    starts = graph.indptr[rows]
    while True:
        best = np.maximum.reduceat(factor * strength[graph.indices], starts)
        best[best <= _FAINT] = 0.0
        if not (best > strength[rows]).any():
            return strength
        strength[rows] = np.maximum(strength[rows], best)
