# SPDX-License-Identifier: Apache-2.0
"""The walk graph's edges as arrays: rows of segments of entries, in a base that is never changed and an overlay.

Each node has a row. A row is parted into segments, one for each policy class and edge type, so that a walk skips what
may not be read without touching it. An entry of a segment is one end of an edge: target, weight, and the fact it
stands for. Weights are integers (`UNIT` is one): sums of integers do not depend on their order, so equal graphs give
equal results however they came about.

The base is what `build_rows` makes, as a rule mapped from files. A change adds segments to the overlay: what is gone
as an entry of negative weight, which cancels the one it takes back exactly, and what is new as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memwalk.walk._nodes import with_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ABOUT",
    "EDGE_TYPES",
    "EVIDENCE",
    "FACT",
    "MENTIONS",
    "NEXT",
    "OPEN",
    "SIMILAR_TO",
    "UNIT",
    "WALKED",
    "Edges",
    "Overlay",
    "Rows",
    "build_rows",
    "fixed",
]

EDGE_TYPES = ("ABOUT", "FACT", "MENTIONS", "NEXT", "SIMILAR_TO", "EVIDENCE")
"""Named as in the store; a FACT edge joins the two ends of a fact unit, EVIDENCE a fact and a passage that says it."""
ABOUT, FACT, MENTIONS, NEXT, SIMILAR_TO, EVIDENCE = range(len(EDGE_TYPES))
WALKED = 5
"""Types below this one are walked. EVIDENCE is not: it tells who may read a fact, and how often it is said."""
UNIT = 1 << 16
"""A weight of one."""
_MOST = (1 << 31) - UNIT
"""The most that fits, and a whole number."""
OPEN = 0
"""The policy class of SIMILAR_TO: readable by all who may read what is at its ends."""


class Rows(NamedTuple):
    """Rows of segments of entries. `begin` may be followed by unused space.

    Attributes
    ----------
    row : int64 [nodes + 1]
        Where each node's segments begin. In an overlay: int64 [nodes], each node's newest segment, counted from 1.
    policy : int32 [segments]
    type : uint8 [segments]
    total : int64 [segments]
        Sum of its entries' weights.
    begin : int64 [segments + 1]
        Where its entries begin.
    before : int64 [segments]
        In an overlay: the same node's segment before it, counted from 1; 0 for none. In a base: empty.
    target : int32 [entries]
    weight : int32 [entries]
    unit : int32 [entries]
        The fact that a FACT entry stands for; -1 for the others.
    """

    row: NDArray[np.int64]
    policy: NDArray[np.int32]
    type: NDArray[np.uint8]
    total: NDArray[np.int64]
    begin: NDArray[np.int64]
    before: NDArray[np.int64]
    target: NDArray[np.int32]
    weight: NDArray[np.int32]
    unit: NDArray[np.int32]


class Edges(NamedTuple):
    """Ends of edges as columns: an edge is here once from each end, as the class of the row's reader differs.

    Attributes
    ----------
    node : int64 [ends]
        Whose row the entry is in.
    policy, type, target, weight, unit : int64 [ends]
    """

    node: NDArray[np.int64]
    policy: NDArray[np.int64]
    type: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.int64]
    unit: NDArray[np.int64]

    @classmethod
    def of(cls, rows: list[tuple[int, int, int, int, int, int]]) -> Edges:
        """Columns of rows."""
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 6)
        return cls(*np.ascontiguousarray(table.T))

    def where(self, kept: NDArray[np.bool_]) -> Edges:
        """Some of them."""
        return Edges(*(column[kept] for column in self))

    def ordered(self) -> Edges:
        """Sorted by node, class, type, target and fact."""
        order = np.lexsort((self.unit, self.target, self.type, self.policy, self.node))
        return Edges(*(column[order] for column in self))

    def merged(self) -> Edges:
        """Sorted; equal ones added up, and zeros left out."""
        ordered = self.ordered()
        fresh = _starts(ordered.node, ordered.policy, ordered.type, ordered.target, ordered.unit)
        weight = np.add.reduceat(ordered.weight, np.nonzero(fresh)[0]) if len(fresh) else ordered.weight
        result = ordered.where(fresh)._replace(weight=weight)
        return result.where(weight != 0)

    def classless(self) -> Edges:
        """The same as `merged`, whatever the classes."""
        return self._replace(policy=np.zeros_like(self.policy)).merged()


def fixed(weight: float) -> int:
    """A weight as an integer; what is more than fits is the most that fits (a count of 32,767).

    Examples
    --------
    >>> fixed(1.0) == UNIT
    True
    """
    return min(round(weight * UNIT), _MOST)


def build_rows(nodes: int, edges: Edges) -> Rows:
    """Sort edges into rows: by node, class, type, target and fact; equal ones are added up, and zeros left out.

    Parameters
    ----------
    nodes : int
    edges : Edges
        In any order; negative weights take back.
    """
    node, rows = _segments(edges.merged())
    row = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(node, minlength=nodes), out=row[1:])
    return rows._replace(row=row)


def _segments(edges: Edges) -> tuple[NDArray[np.int64], Rows]:
    """The node of each segment, ascending, and the segments, of sorted edges; without `row`."""
    first = np.nonzero(_starts(edges.node, edges.policy, edges.type))[0]
    none = np.zeros(0, dtype=np.int64)
    return edges.node[first], Rows(
        row=none,
        policy=edges.policy[first].astype(np.int32),
        type=edges.type[first].astype(np.uint8),
        total=np.add.reduceat(edges.weight, first) if len(first) else none,
        begin=np.append(first, len(edges.node)).astype(np.int64),
        before=none,
        target=edges.target.astype(np.int32),
        weight=np.minimum(edges.weight, _MOST).astype(np.int32),
        unit=edges.unit.astype(np.int32),
    )


def _starts(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a row differs from the one before."""
    fresh = np.ones(len(columns[0]), dtype=bool)
    fresh[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return fresh


class Overlay:
    """Segments added since the base was made; it grows in place.

    Parameters
    ----------
    nodes : int
        How many rows there is room for at first.
    """

    def __init__(self, nodes: int) -> None:
        self.segments = 0
        self.entries = 0
        self._room = Rows(
            row=np.zeros(nodes, dtype=np.int64),
            policy=np.zeros(64, dtype=np.int32),
            type=np.zeros(64, dtype=np.uint8),
            total=np.zeros(64, dtype=np.int64),
            begin=np.zeros(65, dtype=np.int64),
            before=np.zeros(64, dtype=np.int64),
            target=np.zeros(64, dtype=np.int32),
            weight=np.zeros(64, dtype=np.int32),
            unit=np.zeros(64, dtype=np.int32),
        )

    @property
    def rows(self) -> Rows:
        """The arrays as they are, with unused space behind what is in them."""
        return self._room

    def grow(self, nodes: int) -> None:
        """Make room for so many rows."""
        self._room = self._room._replace(row=with_room(self._room.row, nodes))

    def add(self, edges: Edges) -> None:
        """Add the ends of edges: what one call adds to a node in one class and type is one segment.

        Equal ones are not added up: an entry that takes another back must do so to the last bit of what is
        given along it.
        """
        nodes, added = _segments(edges.ordered())
        segments, entries = len(added.policy), len(added.target)
        old = self._room
        at, to = slice(self.segments, self.segments + segments), slice(self.entries, self.entries + entries)
        room = Rows(
            row=old.row,
            policy=with_room(old.policy, at.stop),
            type=with_room(old.type, at.stop),
            total=with_room(old.total, at.stop),
            begin=with_room(old.begin, at.stop + 1),
            before=with_room(old.before, at.stop),
            target=with_room(old.target, to.stop),
            weight=with_room(old.weight, to.stop),
            unit=with_room(old.unit, to.stop),
        )
        room.policy[at], room.type[at], room.total[at] = added.policy, added.type, added.total
        room.target[to], room.weight[to], room.unit[to] = added.target, added.weight, added.unit
        room.begin[at.start : at.stop + 1] = self.entries + added.begin
        for node, segment in zip(nodes.tolist(), range(at.start, at.stop), strict=True):
            room.before[segment] = room.row[node]
            room.row[node] = segment + 1
        self.segments, self.entries, self._room = at.stop, to.stop, room
