# SPDX-License-Identifier: Apache-2.0
"""Personalised PageRank: exact by igraph's PRPACK, and plainly by power iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memwalk.errors import InvalidArgument

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memwalk.walk._adjacency import Adjacency
    from memwalk.walk._profile import Engine

__all__ = ["personalized_pagerank", "power_iteration"]


def personalized_pagerank(
    graph: Adjacency, reset: NDArray[np.float64], damping: float = 0.5, engine: Engine = "prpack"
) -> NDArray[np.float64]:
    r"""Where a walker is found that restarts at `reset`.

    The solution of :math:`x = (1 - d)\,r + d\,x P`, where :math:`P_{uv}` is the weight of the edge
    over the sum of the weights at :math:`u`, and a node without an edge keeps what it has.

    Parameters
    ----------
    graph : Adjacency
    reset : float64 [nodes]
        Non-negative with a positive sum; used scaled to sum to one.
    damping : float
        Probability `d` of walking on, in [0, 1).
    engine : {"prpack", "power"}
        igraph's PRPACK (Gauss-Seidel on the strongly connected components), or `power_iteration`.

    Returns
    -------
    float64 [nodes]
        Sums to one.

    Raises
    ------
    InvalidArgument
        `reset` or `damping` has no meaning.

    Notes
    -----
    An isolated node never exchanges mass, so it is left out of the system that igraph solves;
    igraph itself would send a dead end's mass back to the reset nodes.

    References
    ----------
    .. [1] T. Haveliwala, "Topic-sensitive PageRank", WWW 2002.
    .. [2] D. Gleich, C. Greif, "PRPACK: PageRank package", 2012.
    .. [3] B. Gutiérrez et al., "From RAG to memory: non-parametric continual learning for large
           language models", arXiv:2502.14802, section 3 (damping 0.5 there).

    See Also
    --------
    power_iteration : the plain twin, the oracle in the tests.
    """
    restart = _checked(graph, reset, damping)
    if engine == "power":
        return power_iteration(graph, restart, damping)
    result = restart.copy()
    held = restart[graph.connected]
    mass = held.sum()
    if mass > 0:
        network, weights = graph.igraph
        ranks = network.personalized_pagerank(
            directed=False, damping=damping, reset=held.tolist(), weights=weights, implementation="prpack"
        )
        result[graph.connected] = mass * np.asarray(ranks)
    return result


def power_iteration(
    graph: Adjacency, reset: NDArray[np.float64], damping: float = 0.5, tolerance: float = 1e-12
) -> NDArray[np.float64]:
    """Personalised PageRank by repeating the step until it moves less than `tolerance` in all.

    The error shrinks by `damping` a step, so it ends after about log(tolerance) / log(damping) steps.

    Parameters
    ----------
    graph : Adjacency
    reset : float64 [nodes]
    damping : float
    tolerance : float
        Sum of absolute changes at which to stop.

    Returns
    -------
    float64 [nodes]
        Sums to one.
    """
    restart = _checked(graph, reset, damping)
    rows = graph.connected
    starts = graph.indptr[rows]
    x = restart
    change = np.inf
    while change > tolerance:
        walked = x.copy()
        if len(rows):
            walked[rows] = np.add.reduceat(graph.inflow * x[graph.indices], starts)
        step: NDArray[np.float64] = (1 - damping) * restart + damping * walked
        change = float(np.abs(step - x).sum())
        x = step
    return x


def _checked(graph: Adjacency, reset: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
    if not 0 <= damping < 1:
        raise InvalidArgument("damping", damping, "at least 0 and less than 1")
    total = reset.sum()
    if reset.shape != (graph.nodes,) or not (reset >= 0).all() or not 0 < total < np.inf:
        raise InvalidArgument("reset", reset, f"{graph.nodes} masses, none negative, not all zero")
    scaled: NDArray[np.float64] = reset / total
    return scaled
