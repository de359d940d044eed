# SPDX-License-Identifier: Apache-2.0
"""The best nodes of a push, sharper: mass that it left over is followed back from the few that it decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from memwalk.walk._push import MASS, push_from, whole_degree
from memwalk.walk._rows import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memwalk.walk._push import Space, Weighted

__all__ = ["Sharpened", "sharpen"]

_EPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Accuracy of the pushes back, round by round; a round is for those that the one before left undecided."""
_SLACK = 1e-12
"""More than is lost by rounding."""
_SHARE = 0.1
"""Of the bound on what is still missed after a push back, beside the estimate: the bound is far too wide (on MuSiQue
it took 1.6 times the entries to decide, with the same best 20)."""


class Sharpened(NamedTuple):
    """Better lower bounds.

    Attributes
    ----------
    mass : float64 [candidates]
    edges : int
        Entries touched.
    decided : bool
        Whether nothing is left open.
    """

    mass: NDArray[np.float64]
    edges: int
    decided: bool


def sharpen(
    graph: Weighted,
    damping: float,
    eps: float,
    candidates: NDArray[np.int64],
    taken: NDArray[np.float64],
    count: int,
    most: int,
    space: Space,
    other: Space,
    key: Callable[[int], str],
) -> Sharpened:
    r"""Decide which candidates have the most mass.

    The mass that a push missed at a node is :math:`\sum_u r(u) \pi_u(v)`, and on an undirected graph
    :math:`d(u) \pi_u(v) = d(v) \pi_v(u)` [1]_, so a push from the candidate itself tells it. All residuals
    are below `eps` times the degree, hence what is missed is below `eps` d(v) before, and below `eps` d(v)
    times what the push from v missed after; of this last bound only a share is taken, beside an estimate of
    what is missed, so that the result is not certain (measured in `benchmarks/LOG.md`). Only candidates
    whose bounds leave open whether they are among the best are pushed from, more accurately each round
    (as in [2]_).

    Parameters
    ----------
    graph : Weighted
    damping, eps : float
        Of the push.
    candidates : int64 [candidates]
        Nodes that it touched, without SIMILAR_TO edges.
    taken : float64 [candidates]
        What does not count of each one's mass.
    count : int
        How many are wanted.
    most : int
        Entries after which what is open stays so.
    space : Space
        As the push left it.
    other : Space
    key : callable
        A stable key of a node, for the order of those that are alike.

    References
    ----------
    .. [1] P. Lofgren, S. Banerjee, A. Goel, "Personalized PageRank estimation and search: a bidirectional
       approach", WSDM 2016.
    .. [2] Z. Wei et al., "TopPPR: top-k personalized PageRank queries with precision guarantees on large
       graphs", SIGMOD 2018.
    """
    settled = space.settled[candidates] / MASS
    degree = (space.sure[candidates] - 1) / UNIT
    low = settled + (1 - damping) * space.residual[candidates] / MASS
    high = settled + eps * degree + _SLACK
    edges = 0
    for accuracy in _EPS:
        open_ = _open(low - taken, high - taken, count)
        for place in sorted(open_, key=lambda place: (-high[place], key(int(candidates[place])))):
            if edges >= most:
                return Sharpened(low, edges, decided=False)
            back, rest, missed, touched = _missing(
                graph, int(candidates[place]), damping, accuracy * MASS / UNIT, space, other
            )
            edges += touched
            low[place] = max(low[place], settled[place] + back)
            bound = eps * degree[place] * missed
            high[place] = min(high[place], settled[place] + back + min(rest + _SHARE * bound, bound) + _SLACK)
    return Sharpened(low, edges, decided=not len(_open(low - taken, high - taken, count)))


def _open(low: NDArray[np.float64], high: NDArray[np.float64], count: int) -> list[int]:
    """Those that may be among the best, and may not."""
    if len(low) <= count:
        return []
    least_in = np.partition(low, len(low) - count)[len(low) - count]
    best_out = np.partition(high, len(high) - count - 1)[len(high) - count - 1]
    found: list[int] = np.nonzero((high > least_in) & (low < best_out))[0].tolist()
    return found


@njit(cache=True)
def _missing(
    graph: Weighted, node: int, damping: float, eps: float, space: Space, other: Space
) -> tuple[float, float, float, int]:
    """What the mass left over gives to a node at least, and an estimate of the rest; the share not known; entries."""
    count, edges = push_from(graph, node, damping, eps, other)
    own, looked = whole_degree(graph, node, space)
    edges += looked
    back, known, rest = 0, 0, 0
    for i in range(count):
        reached = other.touched[i]
        share = (other.settled[reached] + (1.0 - damping) * other.residual[reached]) / MASS
        known += other.settled[reached]
        if space.residual[reached] > 0:
            degree, looked = whole_degree(graph, reached, space)
            edges += looked
            if reached == node:
                back += int(space.residual[reached] * share)
            elif degree > 0.0:
                back += int(space.residual[reached] * (own / degree) * share)
                rest += int(damping * other.residual[reached] / MASS * space.residual[reached] * (own / degree))
    for i in range(count):
        reached = other.touched[i]
        other.settled[reached] = 0
        other.residual[reached] = 0
        other.sure[reached] = 0.0
        other.degree[reached] = 0.0
        other.marked[reached] = 0
    return back / MASS, rest / MASS, 1.0 - known / MASS, edges
