# SPDX-License-Identifier: Apache-2.0
"""Personalized PageRank by local forward push, over what some policy classes may read.

Mass is counted in integers (`MASS` in all), each share rounded towards zero: sums do not depend on their order, so
the same graph gives the same bits whatever the numbers of its nodes, the order of its edges, and how much of it is
overlay. What rounding loses is less than 1e-12 of the mass, and is counted as missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from memwalk.walk._rows import ABOUT, FACT, MENTIONS, NEXT, SIMILAR_TO, UNIT, WALKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memwalk.walk._rows import Rows

__all__ = ["MASS", "Pushed", "Space", "Weighted", "entries_of", "push", "push_from", "whole_degree"]

MASS = 1 << 60
"""All of the mass."""
_STAGES = 5
_COARSER = 4.0
"""Nodes with much residual are pushed first: at so many times `eps`, to this power, down to `eps` itself."""
_WAITING = 3
"""Marks a node that is in the list to follow; 1 marks one that was touched."""
_ENOUGH = 1 << 26
"""Mass still to be pushed at which sweeps end: 6e-11 of all."""


class Weighted(NamedTuple):
    """What a walk is on.

    Attributes
    ----------
    base, overlay : Rows
    readable : uint8 [classes]
        1 for the policy classes that may be read.
    factors : float64 [types]
        What the weights of each edge type are multiplied with.
    """

    base: Rows
    overlay: Rows
    readable: NDArray[np.uint8]
    factors: NDArray[np.float64]


class Space(NamedTuple):
    """Working memory for pushes over a graph, all zero between them; one push at a time.

    Attributes
    ----------
    settled, residual : int64 [nodes]
        Mass that stays, and mass still to be pushed.
    sure, degree : float64 [nodes]
        Sum of the readable weights, without and with SIMILAR_TO, where it was needed, plus one.
    marked : uint8 [nodes]
        0 for untouched, 1 for touched, 3 for what is in the list to follow.
    touched, level, following : int32 [nodes]
        Lists of nodes.
    """

    settled: NDArray[np.int64]
    residual: NDArray[np.int64]
    sure: NDArray[np.float64]
    degree: NDArray[np.float64]
    marked: NDArray[np.uint8]
    touched: NDArray[np.int32]
    level: NDArray[np.int32]
    following: NDArray[np.int32]

    @classmethod
    def make(cls, nodes: int) -> Space:
        """For a graph of so many nodes; pages of it are taken as they are used."""
        return cls(
            settled=np.zeros(nodes, dtype=np.int64),
            residual=np.zeros(nodes, dtype=np.int64),
            sure=np.zeros(nodes),
            degree=np.zeros(nodes),
            marked=np.zeros(nodes, dtype=np.uint8),
            touched=np.zeros(nodes, dtype=np.int32),
            level=np.zeros(nodes, dtype=np.int32),
            following=np.zeros(nodes, dtype=np.int32),
        )

    def clear(self, nodes: NDArray[np.int32]) -> None:
        """Make it all zero again after a push that touched these."""
        for column in self[:5]:
            column[nodes] = 0


class Pushed(NamedTuple):
    """What a push found.

    Attributes
    ----------
    nodes : int32 [touched]
        Nodes that mass came to, in no order that means anything.
    mass : float64 [touched]
        Lower bounds of their personalized PageRank.
    walked : bool [touched]
        Whether it was pushed, so that others got mass from it.
    missed : float
        Mass not accounted for: the sum over all nodes of exact minus found.
    edges : int
        Readable entries touched, each that the overlay takes back less two: as many as without overlay and
        without the unreadable, so that what is decided by it depends on neither.
    levels : int
    swept : bool
        Whether it went over to sweeps.
    decided : bool
        Whether `sharpen` left nothing open.
    """

    nodes: NDArray[np.int32]
    mass: NDArray[np.float64]
    walked: NDArray[np.bool_]
    missed: float
    edges: int
    levels: int
    swept: bool
    decided: bool = False


def push(
    graph: Weighted,
    seeds: NDArray[np.int32],
    reset: NDArray[np.float64],
    damping: float,
    eps: float,
    most: float,
    space: Space,
) -> Pushed:
    r"""Approximate personalized PageRank by local forward push, level by level.

    All nodes whose residual is at least `eps` times their degree are pushed together; what they give
    is pushed in the next level. The error of a node is at most `eps` times its degree on an undirected
    graph [1]_ (theorem 5 there, with the walk not lazy), and the edges touched at most
    :math:`1 / (\epsilon (1 - d))` in all, whatever the size of the graph.

    Parameters
    ----------
    graph : Weighted
    seeds : int32 [seeds]
        Readable nodes, each once.
    reset : float64 [seeds]
        Their shares of the restart mass; they sum to one.
    damping : float
    eps : float
        On the weighted degree.
    most : float
        Entries after which it goes over to sweeps, that is, pushes whatever is left until next to
        nothing is; infinite for never.
    space : Space
        Left as the push left it, for `sharpen`; to be cleared then.

    References
    ----------
    .. [1] R. Andersen, F. Chung, K. Lang, "Local graph partitioning using PageRank vectors", FOCS 2006.
    """
    amounts = (reset * MASS).astype(np.int64)
    count, edges, levels, swept = _push(graph, seeds, amounts, damping, eps * MASS / UNIT, most, space)
    nodes = space.touched[:count].copy()
    settled, residual = space.settled[nodes], space.residual[nodes]
    mass = (settled + (1 - damping) * residual) / MASS
    missed = (MASS - int(settled.sum()) - (1 - damping) * float(residual.sum())) / MASS
    return Pushed(nodes, mass, settled > 0, missed, int(edges), int(levels), bool(swept))


# --- rows ----------------------------------------------------------------------------------------


@njit(cache=True)
def _first(graph: Weighted, node: int) -> int:
    """The first segment of a node, -1 for none; those of the overlay come first, and count from the base's end."""
    newest = graph.overlay.row[node]
    if newest > 0:
        return int(len(graph.base.policy) + newest - 1)
    if node < len(graph.base.row) - 1 and graph.base.row[node] < graph.base.row[node + 1]:
        return int(graph.base.row[node])
    return -1


@njit(cache=True)
def _following(graph: Weighted, node: int, segment: int) -> int:
    """The segment of the same node after this one, -1 at the end."""
    own = len(graph.base.policy)
    if segment >= own:
        older = graph.overlay.before[segment - own]
        if older > 0:
            return int(own + older - 1)
        if node < len(graph.base.row) - 1 and graph.base.row[node] < graph.base.row[node + 1]:
            return int(graph.base.row[node])
        return -1
    return segment + 1 if segment + 1 < graph.base.row[node + 1] else -1


@njit(cache=True)
def visible(graph: Weighted, node: int, evidence: int) -> bool:
    """Whether a readable entry of a type is at a node: MENTIONS for an entity, EVIDENCE for a fact."""
    total = 0
    own = len(graph.base.policy)
    segment = _first(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        if part.type[place] == evidence and graph.readable[part.policy[place]]:
            total += part.total[place]
        segment = _following(graph, node, segment)
    return total > 0


@njit(cache=True)
def _sure_degree(graph: Weighted, node: int) -> float:
    """Sum of the readable weights at a node but those of SIMILAR_TO: no entry needs to be looked at for it."""
    own = len(graph.base.policy)
    about, fact, mentions, following = 0, 0, 0, 0
    segment = _first(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        if graph.readable[part.policy[place]]:
            kind = part.type[place]
            total = part.total[place]
            if kind == ABOUT:
                about += total
            elif kind == FACT:
                fact += total
            elif kind == MENTIONS:
                mentions += total
            elif kind == NEXT:
                following += total
        segment = _following(graph, node, segment)
    degree: float = (
        graph.factors[ABOUT] * about
        + graph.factors[FACT] * fact
        + graph.factors[MENTIONS] * mentions
        + graph.factors[NEXT] * following
    )
    return degree


@njit(cache=True)
def _similar_degree(graph: Weighted, node: int) -> tuple[int, int]:
    """Sum of the weights of SIMILAR_TO at a node, to what is visible; and how many entries were looked at for it."""
    own = len(graph.base.policy)
    similar, looked = 0, 0
    segment = _first(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        if part.type[place] == SIMILAR_TO:
            for entry in range(part.begin[place], part.begin[place + 1]):
                if visible(graph, part.target[entry], MENTIONS):
                    looked += 1 if part.weight[entry] > 0 else -1
                    similar += part.weight[entry]
        segment = _following(graph, node, segment)
    return similar, looked


@njit(cache=True)
def _ready(graph: Weighted, space: Space, waiting: int, bound: float) -> tuple[int, int]:
    """Put those of the nodes to follow into the level that have enough to be pushed: how many, and entries."""
    pushed, looked = 0, 0
    for i in range(waiting):
        node = space.following[i]
        space.marked[node] = 1
        if space.sure[node] == 0.0:
            space.sure[node] = _sure_degree(graph, node) + 1.0
        if space.residual[node] == 0 or space.residual[node] < bound * (space.sure[node] - 1.0):
            continue
        if space.degree[node] == 0.0:
            similar, entries = _similar_degree(graph, node)
            space.degree[node] = space.sure[node] + graph.factors[SIMILAR_TO] * similar
            looked += entries
        if space.residual[node] >= bound * (space.degree[node] - 1.0):
            space.level[pushed] = node
            pushed += 1
    return pushed, looked


@njit(cache=True)
def _give(graph: Weighted, node: int, rate: float, space: Space, count: int, waiting: int) -> tuple[int, int, int]:
    """Give mass to the neighbours of a node, `rate` for a weight of one: nodes touched, to follow, and entries."""
    own = len(graph.base.policy)
    edges = 0
    segment = _first(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        kind = part.type[place]
        if kind < WALKED and graph.factors[kind] > 0.0 and graph.readable[part.policy[place]]:
            scale = rate * graph.factors[kind]
            for entry in range(part.begin[place], part.begin[place + 1]):
                target = part.target[entry]
                if kind == SIMILAR_TO and not visible(graph, target, MENTIONS):
                    continue
                edges += 1 if part.weight[entry] > 0 else -1
                space.residual[target] += int(scale * part.weight[entry])
                if space.marked[target] == 0:
                    space.touched[count] = target
                    count += 1
                if space.marked[target] < _WAITING:
                    space.marked[target] = _WAITING
                    space.following[waiting] = target
                    waiting += 1
        segment = _following(graph, node, segment)
    return count, waiting, edges


@njit(cache=True)
def _push(
    graph: Weighted,
    seeds: NDArray[np.int32],
    amounts: NDArray[np.int64],
    damping: float,
    eps: float,
    most: float,
    space: Space,
) -> tuple[int, int, int, bool]:
    count = len(seeds)
    for i in range(count):
        space.residual[seeds[i]] += amounts[i]
        space.touched[i] = seeds[i]
        space.following[i] = seeds[i]
    left, waiting = amounts.sum(), count
    edges, levels, swept, stage = 0, 0, False, _STAGES
    kept = np.empty(64, dtype=np.int64)
    while stage >= 0 and not (swept and left < _ENOUGH):
        pushed, looked = _ready(graph, space, waiting, eps * _COARSER**stage)
        edges += looked
        if pushed == 0:  # all that has so much is pushed: go on with less
            stage -= 1
            waiting = count
            space.following[:count] = space.touched[:count]
            continue
        levels += 1
        waiting = 0
        if pushed > len(kept):
            kept = np.empty(2 * pushed, dtype=np.int64)
        for i in range(pushed):  # before anyone gives: what comes in this level is for the next
            kept[i] = space.residual[space.level[i]]
            space.residual[space.level[i]] = 0
        for i in range(pushed):
            node = space.level[i]
            degree = space.degree[node] - 1.0
            stays = int((1.0 - damping) * kept[i]) if degree > 0.0 else kept[i]
            space.settled[node] += stays
            left -= stays
            if degree > 0.0:
                count, waiting, entries = _give(graph, node, damping * kept[i] / degree, space, count, waiting)
                edges += entries
        if not swept and edges > most:  # push would touch most of the graph: go on until hardly anything is left
            swept, eps, stage = True, 0.0, 0
            waiting = count
            space.following[:count] = space.touched[:count]
            for i in range(count):
                space.marked[space.touched[i]] = _WAITING
    return count, edges, levels, swept


@njit(cache=True)
def entries_of(graph: Weighted, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """All readable entries of these nodes that are walked (int64 [6, entries]: the columns of `Edges`)."""
    own = len(graph.base.policy)
    count = 0
    for filling in (False, True):
        rows = np.empty((6, count), np.int64)
        count = 0
        for i in range(len(nodes)):
            segment = _first(graph, nodes[i])
            while segment >= 0:
                part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
                kind = part.type[place]
                if kind < WALKED and graph.readable[part.policy[place]]:
                    for entry in range(part.begin[place], part.begin[place + 1]):
                        target = part.target[entry]
                        if kind == SIMILAR_TO and not visible(graph, target, MENTIONS):
                            continue
                        if filling:
                            rows[0, count], rows[1, count], rows[2, count] = nodes[i], part.policy[place], kind
                            rows[3, count], rows[4, count], rows[5, count] = (
                                target,
                                part.weight[entry],
                                part.unit[entry],
                            )
                        count += 1
                segment = _following(graph, nodes[i], segment)
    return rows


@njit(cache=True)
def whole_degree(graph: Weighted, node: int, space: Space) -> tuple[float, int]:
    """Sum of the readable weights at a node that was touched, and how many entries were looked at for it."""
    looked = 0
    if space.sure[node] == 0.0:
        space.sure[node] = _sure_degree(graph, node) + 1.0
    if space.degree[node] == 0.0:
        similar, looked = _similar_degree(graph, node)
        space.degree[node] = space.sure[node] + graph.factors[SIMILAR_TO] * similar
    return space.degree[node] - 1.0, looked


@njit(cache=True)
def push_from(graph: Weighted, node: int, damping: float, eps: float, space: Space) -> tuple[int, int]:
    """Push all mass from one node: how many nodes it touched, and entries."""
    seeds, amounts = np.empty(1, np.int32), np.empty(1, np.int64)
    seeds[0], amounts[0] = node, MASS
    count, edges, _, _ = _push(graph, seeds, amounts, damping, eps, np.inf, space)
    return count, edges
