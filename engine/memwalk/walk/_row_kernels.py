# SPDX-License-Identifier: Apache-2.0
"""Rows as compiled code reads them: the segments of a node in base and overlay that a reader may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from memwalk.walk._rows import ABOUT, FACT, MENTIONS, NEXT, SIMILAR_TO, WALKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memwalk.walk._rows import Rows

__all__ = ["Weighted", "entries_of", "first_segment", "next_segment", "similar_degree", "sure_degree", "visible"]


class Weighted(NamedTuple):
    """What a walk is on.

    Attributes
    ----------
    base, overlay : Rows
    readable : uint8 [classes]
        1 for the policy classes that may be read.
    factors : float64 [types]
        What the weights of each edge type are multiplied with.
    kind : uint8 [nodes]
        Positions in `KINDS`.
    """

    base: Rows
    overlay: Rows
    readable: NDArray[np.uint8]
    factors: NDArray[np.float64]
    kind: NDArray[np.uint8]


@njit(cache=True)
def first_segment(graph: Weighted, node: int) -> int:
    """The first segment of a node, -1 for none; those of the overlay come first, and count from the base's end."""
    newest = graph.overlay.row[node]
    if newest > 0:
        return int(len(graph.base.policy) + newest - 1)
    if node < len(graph.base.row) - 1 and graph.base.row[node] < graph.base.row[node + 1]:
        return int(graph.base.row[node])
    return -1


@njit(cache=True)
def next_segment(graph: Weighted, node: int, segment: int) -> int:
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
    segment = first_segment(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        if part.type[place] == evidence and graph.readable[part.policy[place]]:
            total += part.total[place]
        segment = next_segment(graph, node, segment)
    return total > 0


@njit(cache=True)
def sure_degree(graph: Weighted, node: int) -> float:
    """Sum of the readable weights at a node but those of SIMILAR_TO: no entry needs to be looked at for it."""
    own = len(graph.base.policy)
    about, fact, mentions, following = 0, 0, 0, 0
    segment = first_segment(graph, node)
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
        segment = next_segment(graph, node, segment)
    degree: float = (
        graph.factors[ABOUT] * about
        + graph.factors[FACT] * fact
        + graph.factors[MENTIONS] * mentions
        + graph.factors[NEXT] * following
    )
    return degree


@njit(cache=True)
def similar_degree(graph: Weighted, node: int) -> tuple[int, int]:
    """Sum of the weights of SIMILAR_TO at a node, to what is visible; and how many entries were looked at for it."""
    own = len(graph.base.policy)
    similar, looked = 0, 0
    segment = first_segment(graph, node)
    while segment >= 0:
        part, place = (graph.base, segment) if segment < own else (graph.overlay, segment - own)
        if part.type[place] == SIMILAR_TO:
            for entry in range(part.begin[place], part.begin[place + 1]):
                if visible(graph, part.target[entry], MENTIONS):
                    looked += 1 if part.weight[entry] > 0 else -1
                    similar += part.weight[entry]
        segment = next_segment(graph, node, segment)
    return similar, looked


@njit(cache=True)
def entries_of(graph: Weighted, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """All readable entries of these nodes that are walked (int64 [6, entries]: the columns of `Edges`)."""
    own = len(graph.base.policy)
    count = 0
    for filling in (False, True):
        rows = np.empty((6, count), np.int64)
        count = 0
        for i in range(len(nodes)):
            segment = first_segment(graph, nodes[i])
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
                segment = next_segment(graph, nodes[i], segment)
    return rows
