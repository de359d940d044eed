# SPDX-License-Identifier: Apache-2.0
"""Personalized PageRank by local forward push, over what some policy classes may read.

Mass is counted in integers (`MASS` in all), each share rounded towards zero: sums do not depend on their order, so
the same graph gives the same bits whatever the numbers of its nodes, the order of its edges, how much of it is
overlay, and how what may be read is parted into classes. What rounding loses is less than 1e-12 of the mass, and is
counted as missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from memwalk.walk._nodes import KINDS
from memwalk.walk._row_kernels import Weighted, first_segment, next_segment, similar_degree, sure_degree, visible
from memwalk.walk._rows import FACT, MENTIONS, SIMILAR_TO, UNIT, WALKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MASS", "Pushed", "Space", "over_relaxed", "push", "push_further", "whole_degree"]

MASS = 1 << 60
"""All of the mass."""
_STAGES = 20
"""Nodes with much residual are pushed first: down from so many times a factor of the root of two over `eps`."""
_WAITING = 3
"""Marks a node that is in the list to follow; 1 marks one that was touched."""
_ENOUGH = 1 << 26
"""Mass still to be pushed at which sweeps end: 6e-11 of all."""
_ENTITY = KINDS.index("Entity")
_TURNS = 4
"""Entities with positive and with negative residual, then the others: pushed in turn."""


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

    def start(self, nodes: NDArray[np.int32], settled: NDArray[np.int64], residual: NDArray[np.int64]) -> None:
        """Put in what a push begins with."""
        self.touched[: len(nodes)] = nodes
        self.settled[nodes] = settled
        self.residual[nodes] = residual
        self.marked[nodes] = 1

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
        Their personalized PageRank: lower bounds, or of an over-relaxed push values near it.
    walked : bool [touched]
        Whether it was pushed, so that others got mass from it.
    missed : float
        Mass not accounted for: the sum over all nodes of exact minus found.
    edges : int
        Readable entries touched, a fact's once for each time it is said, and each that the overlay takes back
        less two: as many as without overlay, without the unreadable, and with any classes, so that what is decided
        by it depends on none of these.
    levels : int
    swept : bool
        Whether it went over to sweeps.
    eps : float
        The accuracy it came to.
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
    eps: float
    decided: bool = False


def over_relaxed(damping: float) -> float:
    """How much more than its residual a node gives so that the fewest pushes are needed (D. Young, 1954).

    The best factor for a bipartite graph whose walk has an eigenvalue of one, in turns of its two sides.

    Examples
    --------
    >>> round(over_relaxed(0.75), 2)
    1.2
    """
    return float(2 / (1 + np.sqrt(1 - damping**2)))


def push(
    graph: Weighted,
    seeds: NDArray[np.int32],
    reset: NDArray[np.float64],
    damping: float,
    eps: float,
    most: float,
    space: Space,
    over: float = 1.0,
    enough: float = np.inf,
) -> Pushed:
    r"""Approximate personalized PageRank by local forward push, level by level.

    All entities whose residual is at least `eps` times their degree are pushed together, then all other nodes,
    and so on, those with more residual first. The error of a node is at most `eps` times its degree on an
    undirected graph [1]_ (theorem 5 there, with the walk not lazy), and the edges touched at most
    :math:`1 / (\epsilon (1 - d))` in all, whatever the size of the graph.

    With `over` above one a node gives more than it has (as in [2]_), which takes a third fewer entries: the error
    has either sign then. A level has residuals of one sign only: each push lowers the error's energy then, for any
    `over` below two and any graph, so that it ends.

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
    over : float
        1 for lower bounds; `over_relaxed` for the fewest entries.
    enough : float
        Entries after which it ends, at the end of a level; then `Pushed.eps` is larger than `eps`.

    References
    ----------
    .. [1] R. Andersen, F. Chung, K. Lang, "Local graph partitioning using PageRank vectors", FOCS 2006.
    .. [2] J. Bai, B. Zhou, D. Yang, Y. Xiao, "Faster local solvers for graph diffusion equations", NeurIPS 2024.
    """
    amounts = (reset * MASS).astype(np.int64)
    space.start(seeds, np.zeros_like(amounts), amounts)
    done = _push(graph, len(seeds), damping, over, eps * MASS / UNIT, _STAGES, most, enough, space)
    count, edges, levels, swept, stage = done
    nodes = space.touched[:count].copy()
    settled, residual = space.settled[nodes], space.residual[nodes]
    mass = (settled + (1 - damping) * residual) / MASS
    missed = (MASS - int(settled.sum()) - (1 - damping) * float(residual.sum())) / MASS
    return Pushed(
        nodes, mass, settled > 0, missed, int(edges), int(levels), bool(swept), eps * float(np.sqrt(2.0)) ** stage
    )


def push_further(
    graph: Weighted, count: int, damping: float, over: float, eps: float, enough: float, space: Space
) -> tuple[int, int]:
    """Go on with what is in a space: nodes touched then, and entries touched for it."""
    done = _push(graph, count, damping, over, eps * MASS / UNIT, _STAGES, np.inf, enough, space)
    return int(done[0]), int(done[1])


@njit(cache=True)
def whole_degree(graph: Weighted, node: int, space: Space) -> tuple[float, int]:
    """Sum of the readable weights at a node, and how many entries were looked at for it."""
    looked = 0
    if space.sure[node] == 0.0:
        space.sure[node] = sure_degree(graph, node) + 1.0
    if space.degree[node] == 0.0:
        similar, looked = similar_degree(graph, node)
        space.degree[node] = space.sure[node] + graph.factors[SIMILAR_TO] * similar
    return space.degree[node] - 1.0, looked


@njit(cache=True)
def _ready(graph: Weighted, space: Space, waiting: int, bound: float, turn: int) -> tuple[int, int, int]:
    """Put those whose turn it is into the level that have enough to be pushed: how many, how many wait on, entries."""
    pushed, kept, looked = 0, 0, 0
    for i in range(waiting):
        node = space.following[i]
        residual = space.residual[node]
        if (graph.kind[node] == _ENTITY) != (turn < _TURNS // 2) or (residual < 0) != (turn % 2 == 1):
            space.following[kept] = node
            kept += 1
            continue
        space.marked[node] = 1
        if space.sure[node] == 0.0:
            space.sure[node] = sure_degree(graph, node) + 1.0
        if residual == 0 or abs(residual) < bound * (space.sure[node] - 1.0):
            continue
        degree, entries = whole_degree(graph, node, space)
        looked += entries
        if abs(residual) >= bound * degree:
            space.level[pushed] = node
            pushed += 1
    return pushed, kept, looked


@njit(cache=True)
def _give(graph: Weighted, node: int, rate: float, space: Space, count: int, waiting: int) -> tuple[int, int, int]:
    """Give mass to the neighbours of a node, `rate` for a weight of one: nodes touched, to follow, and entries."""
    own = len(graph.base.policy)
    edges = 0
    segment = first_segment(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        kind = part.type[place]
        if kind < WALKED and graph.factors[kind] > 0.0 and graph.readable[part.policy[place]]:
            scale = rate * graph.factors[kind]
            each = int(scale * UNIT)
            for entry in range(part.begin[place], part.begin[place + 1]):
                target = part.target[entry]
                if kind == SIMILAR_TO and not visible(graph, target, MENTIONS):
                    continue
                weight = part.weight[entry]
                whole = weight // UNIT
                if whole * UNIT == weight:  # what is said in two classes gives what it gives when said twice in one
                    space.residual[target] += each * whole
                else:
                    space.residual[target] += int(scale * weight)
                edges += whole if kind == FACT else 1 if weight > 0 else -1
                if space.marked[target] == 0:
                    space.touched[count] = target
                    count += 1
                if space.marked[target] < _WAITING:
                    space.marked[target] = _WAITING
                    space.following[waiting] = target
                    waiting += 1
        segment = next_segment(graph, node, segment)
    return count, waiting, edges


@njit(cache=True)
def _again(space: Space, count: int) -> int:
    """Let all that was touched wait: how many."""
    for i in range(count):
        space.following[i] = space.touched[i]
        space.marked[space.touched[i]] = _WAITING
    return count


@njit(cache=True)
def _left(space: Space, count: int) -> int:
    """Mass still to be pushed, whatever its sign."""
    left = 0
    for i in range(count):
        left += abs(space.residual[space.touched[i]])
    return left


@njit(cache=True)
def _level(
    graph: Weighted,
    pushed: int,
    damping: float,
    over: float,
    space: Space,
    kept: NDArray[np.int64],
    count: int,
    waiting: int,
) -> tuple[int, int, int]:
    """Push all nodes of a level together: nodes touched, to follow, and entries."""
    edges = 0
    for i in range(pushed):  # before anyone gives: what comes in this level is for the next
        node = space.level[i]
        kept[i] = space.residual[node]
        if over != 1.0 and space.degree[node] > 1.0:
            kept[i] = int(over * kept[i])
        space.residual[node] -= kept[i]
    for i in range(pushed):
        node = space.level[i]
        degree = space.degree[node] - 1.0
        space.settled[node] += int((1.0 - damping) * kept[i]) if degree > 0.0 else kept[i]
        if degree > 0.0:
            count, waiting, touched = _give(graph, node, damping * kept[i] / degree, space, count, waiting)
            edges += touched
    for i in range(pushed):  # what it gave too much
        node = space.level[i]
        if space.residual[node] != 0 and space.marked[node] < _WAITING:
            space.marked[node] = _WAITING
            space.following[waiting] = node
            waiting += 1
    return count, waiting, edges


@njit(cache=True)
def _push(
    graph: Weighted,
    count: int,
    damping: float,
    over: float,
    eps: float,
    stage: int,
    most: float,
    enough: float,
    space: Space,
) -> tuple[int, int, int, bool, int]:
    """Push what is in a space: nodes touched, entries, levels, whether it swept, and the last stage that was ended."""
    edges, levels, turn, swept = 0, 0, 0, False
    kept = np.empty(64, dtype=np.int64)
    waiting = _again(space, count)
    while _left(space, count) >= _ENOUGH if swept else edges <= enough:
        pushed, waiting, looked = _ready(graph, space, waiting, eps * 2.0 ** (0.5 * stage), turn)
        edges += looked
        turn = (turn + 1) % _TURNS
        if pushed == 0:
            if waiting == 0:  # all that has so much is pushed: go on with less
                if stage == 0:
                    return count, edges, levels, swept, 0
                stage -= 1
                turn = 0  # how many turns passed without a push depends on more than the mass
                waiting = _again(space, count)
            continue
        levels += 1
        if pushed > len(kept):
            kept = np.empty(2 * pushed, dtype=np.int64)
        count, waiting, entries = _level(graph, pushed, damping, over, space, kept, count, waiting)
        edges += entries
        if not swept and edges > most:  # push would touch most of the graph: go on until hardly anything is left
            swept, over, eps, stage, turn = True, 1.0, 0.0, 0, 0
            waiting = _again(space, count)
    return count, edges, levels, swept, 0 if swept else stage + 1
