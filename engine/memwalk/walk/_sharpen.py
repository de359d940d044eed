# SPDX-License-Identifier: Apache-2.0
"""The best nodes of a push, sharper: mass that it left over is followed back from the few that it decides on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from memwalk.walk._push import MASS, over_relaxed, push_further, whole_degree
from memwalk.walk._rows import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memwalk.walk._push import Space
    from memwalk.walk._row_kernels import Weighted

__all__ = ["Sharpened", "sharpen"]

_EPS = (3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5)
"""Accuracy of the pushes back, round by round; a round is for those that the one before left undecided."""
_MISSED = 0.15
"""What is missed at a node, over its degree and the accuracy of the push, when nothing is followed back; and by how
much that may be wrong. Measured, as the three below: `benchmarks/LOG.md`, 2026-11-23."""
_REST = 0.12
"""The same for the share that is not followed, where the push came to."""
_CAME = 0.1
"""The push came to a node that has so much mass, over its degree and the accuracy of the push, or more."""
_DOUBT = 0.05
"""By how much what is guessed for that share may be wrong."""


class Sharpened(NamedTuple):
    """What the candidates have, more accurately.

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


class _Back(NamedTuple):
    """A push back from a candidate, at rest."""

    nodes: NDArray[np.int32]
    settled: NDArray[np.int64]
    residual: NDArray[np.int64]


def sharpen(
    graph: Weighted,
    damping: float,
    eps: float,
    candidates: NDArray[np.int64],
    taken: NDArray[np.float64],
    count: int,
    most: float,
    space: Space,
    other: Space,
    key: Callable[[int], str],
) -> Sharpened:
    r"""Decide which candidates have the most mass.

    The mass that a push missed at a node is :math:`\sum_u r(u) \pi_u(v)`, and on an undirected graph
    :math:`d(u) \pi_u(v) = d(v) \pi_v(u)` [1]_, so a push from the candidate itself tells it: it is d(v) times
    the mean of r(u) / d(u) over where a walk from v is. Where the push from v did not come to, that mean is
    guessed: the same wherever the first push came to, nothing elsewhere. It differs little from node to node, so
    that the guess orders them well; but it is a guess, and so is how wrong it may be. Only candidates for which
    that leaves open whether they are among the best are pushed from, more accurately each round (as in [2]_).

    Parameters
    ----------
    graph : Weighted
    damping : float
    eps : float
        What the push came to.
    candidates : int64 [candidates]
        Nodes that it gave mass to, without SIMILAR_TO edges.
    taken : float64 [candidates]
        What does not count of each one's mass.
    count : int
        How many are wanted.
    most : float
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
    scale = eps * _degrees(graph, candidates, space) / UNIT
    found = settled + (1 - damping) * space.residual[candidates] / MASS
    mass = found + np.minimum(_MISSED * scale, found)
    doubt = _MISSED * scale
    back: dict[int, _Back] = {}
    degrees = other._replace(sure=space.sure, degree=space.degree)
    edges = 0
    for accuracy in _EPS:
        open_ = _open(mass - taken, doubt, count)
        between = _between(mass - taken, count) if open_ else 0.0
        nearest = sorted((abs(mass[i] - taken[i] - between), key(int(candidates[i])), i) for i in open_)
        for _, _, place in nearest:
            if edges >= most:
                break
            came, rest, touched = _follow(
                graph, damping, eps, int(candidates[place]), back, accuracy, most - edges, space, degrees
            )
            edges += touched
            mass[place] = settled[place] + came + _REST * rest * scale[place]
            doubt[place] = _DOUBT * abs(rest) * scale[place]
    for state in back.values():
        space.sure[state.nodes] = 0.0
        space.degree[state.nodes] = 0.0
    return Sharpened(mass, edges, decided=not _open(mass - taken, doubt, count))


def _open(value: NDArray[np.float64], doubt: NDArray[np.float64], count: int) -> list[int]:
    """Those that may be among the best, and may not."""
    if len(value) <= count:
        return []
    low, high = value - doubt, value + doubt
    least_in = np.partition(low, len(low) - count)[len(low) - count]
    best_out = np.partition(high, len(high) - count - 1)[len(high) - count - 1]
    found: list[int] = np.nonzero((high > least_in) & (low < best_out))[0].tolist()
    return found


def _between(value: NDArray[np.float64], count: int) -> float:
    """What parts the best from the others."""
    order = np.partition(value, (len(value) - count - 1, len(value) - count))
    return float(order[len(value) - count - 1] + order[len(value) - count]) / 2


def _follow(
    graph: Weighted,
    damping: float,
    eps: float,
    node: int,
    back: dict[int, _Back],
    accuracy: float,
    enough: float,
    space: Space,
    other: Space,
) -> tuple[float, float, int]:
    """Go on with the push back from a node: what the mass left over gives to it, the share to guess for, entries."""
    if node in back:
        other.start(*back[node])
    else:
        other.start(np.array([node], np.int32), np.zeros(1, np.int64), np.array([MASS], np.int64))
    count, edges = push_further(
        graph, len(back[node].nodes) if node in back else 1, damping, over_relaxed(damping), accuracy, enough, other
    )
    came, rest, looked = _came(graph, node, damping, _CAME * eps * MASS / UNIT, count, space, other)
    nodes = other.touched[:count].copy()
    back[node] = _Back(nodes, other.settled[nodes], other.residual[nodes])
    for column in (other.settled, other.residual, other.marked):
        column[nodes] = 0
    return came, rest, edges + looked


@njit(cache=True)
def _degrees(graph: Weighted, nodes: NDArray[np.int64], space: Space) -> NDArray[np.float64]:
    """Sums of the readable weights at some nodes without SIMILAR_TO edges."""
    degrees = np.empty(len(nodes))
    for i in range(len(nodes)):
        degrees[i] = whole_degree(graph, nodes[i], space)[0]
    return degrees


@njit(cache=True)
def _came(
    graph: Weighted, node: int, damping: float, bound: float, count: int, space: Space, other: Space
) -> tuple[float, float, int]:
    """What the mass left over gives to a node that was followed back from, the share to guess for, and entries."""
    own, edges = whole_degree(graph, node, space)
    came, rest = 0, 0
    for i in range(count):
        reached = other.touched[i]
        given = other.settled[reached] != 0 or other.residual[reached] != 0
        if not given or (space.residual[reached] == 0 and space.settled[reached] == 0):
            continue
        degree, looked = whole_degree(graph, reached, space)
        edges += looked
        share = (other.settled[reached] + (1.0 - damping) * other.residual[reached]) / MASS
        if reached == node:
            came += int(space.residual[reached] * share)
        elif degree > 0.0:
            came += int(space.residual[reached] * (own / degree) * share)
        if degree > 0.0:
            held = (space.settled[reached] + (1.0 - damping) * space.residual[reached]) / (bound * degree)
            rest += int(other.residual[reached] * min(1.0, max(0.0, held)))
    return came / MASS, rest / MASS, edges
