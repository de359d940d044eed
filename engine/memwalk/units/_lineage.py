# SPDX-License-Identifier: Apache-2.0
"""Lineage: what a unit was made from, and what was made of it, version by version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument
from memwalk.store import FOREVER
from memwalk.units._read import UnitRef, get_unit, list_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Reader

__all__ = ["DIRECTIONS", "Lineage", "LineageEdge", "LineageNode", "lineage"]

DIRECTIONS = ("up", "down", "both")
DEPTH = 10
_DEEPEST = 1_000
_MOST = 10_000
"""Versions of a lineage; a document's can be as many as its passages, entities and facts."""


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A version in a lineage, with the activity that made it."""

    ref: UnitRef
    kind: str
    name: str
    state: str
    is_current: bool
    """It is the head of a live unit."""
    at: int | None
    """When it was made (ms); for an entity or fact None, as is what made it."""
    activity: str | None
    principal: str | None
    """On whose behalf."""


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """One version was made from another."""

    ref: UnitRef
    source: UnitRef
    type: str
    """``derived from`` or ``evidenced by``."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is behind and before a unit, as far as it may be read."""

    unit: UnitRef
    nodes: tuple[LineageNode, ...]
    """The nearest to the unit first, then by id and number."""
    edges: tuple[LineageEdge, ...]
    is_whole: bool
    """Nothing readable lies beyond the depth and the number of versions asked for."""


def lineage(
    reader: Reader,
    classes: Sequence[str],
    unit_id: str,
    *,
    direction: str = "both",
    depth: int = DEPTH,
) -> Lineage:
    """The versions that a unit's head was made from (up), and all that was made of any of its versions (down).

    Each version is visited once. Nothing is told of, or reached through, a version that may not be read.

    Parameters
    ----------
    reader : Reader
    classes : sequence of str
        Keys of the policy classes that may be read now.
    unit_id : str
        Retired or not.
    direction : str
        ``up``, ``down`` or ``both``.
    depth : int
        Most steps from the unit.

    Raises
    ------
    NotFound, InvalidArgument
    """
    if direction not in DIRECTIONS:
        raise InvalidArgument("direction", direction, " or ".join(DIRECTIONS))
    if not 1 <= depth <= _DEEPEST:
        raise InvalidArgument("depth", depth, f"1 to {_DEEPEST}")
    unit = get_unit(reader, classes, unit_id, retired=True)
    steps: dict[UnitRef, int] = {unit.ref: 0}
    edges: dict[LineageEdge, None] = {}
    whole = True
    history = list_history(reader, classes, unit.id)
    if direction != "down":  # a tombstone is made from nothing: what it buried was
        said = [UnitRef(unit.id, row["seq"]) for row in history if row["state"] == "live"][:1]
        whole &= _follow(_Up(reader, classes), said, depth, steps, edges)
    if direction != "up":
        own = [UnitRef(unit.id, row["seq"]) for row in history]
        whole &= _follow(_Down(reader, classes), own, depth, steps, edges)
    seen = {unit.ref, *(ref for edge in edges for ref in (edge.ref, edge.source))}
    ordered = sorted(seen, key=lambda ref: (steps[ref], ref.id, ref.seq))
    return Lineage(unit.ref, _nodes(reader, ordered), tuple(sorted(edges, key=_edge_key)), whole)


class _Up:
    """Steps from versions to what they were made from, several at a time."""

    def __init__(self, reader: Reader, classes: Sequence[str]) -> None:
        self.reader = reader
        self.classes = list(classes)
        self._known: dict[UnitRef, list[LineageEdge]] = {}

    def edges(self, refs: Sequence[UnitRef]) -> list[LineageEdge]:
        """The edges of these versions; what comes next is read with them, and then known."""
        new = [ref for ref in refs if ref not in self._known]
        for row in self.rows(_rows(new)) if new else ():
            ref = UnitRef(row["id"], row["seq"])
            self._known[ref] = [self.edge(ref, UnitRef(unit, seq), kind) for kind, unit, seq in row["edges"]]
        return [edge for ref in refs for edge in self._known.get(ref, ())]

    def rows(self, refs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """These versions, and those up to ten steps on, with their edges."""
        return self.reader.read("units/list_made_from", rows=refs, classes=self.classes, forever=FOREVER)

    def edge(self, ref: UnitRef, other: UnitRef, kind: str) -> LineageEdge:
        """The edge from a version to the next."""
        return LineageEdge(ref, other, kind)

    def end(self, edge: LineageEdge) -> UnitRef:
        """Where an edge leads."""
        return edge.source


class _Down(_Up):
    """Steps from versions to what was made of them."""

    def rows(self, refs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """These versions, and those up to ten steps on, with their edges."""
        return self.reader.read("units/list_made_into", rows=refs, classes=self.classes, forever=FOREVER)

    def edge(self, ref: UnitRef, other: UnitRef, kind: str) -> LineageEdge:
        """The edge to a version from the next."""
        return LineageEdge(other, ref, kind)

    def end(self, edge: LineageEdge) -> UnitRef:
        """Where an edge leads."""
        return edge.ref


def _follow(
    way: _Up, start: Sequence[UnitRef], depth: int, steps: dict[UnitRef, int], edges: dict[LineageEdge, None]
) -> bool:
    """Go one way, level by level; tells whether all there is was reached."""
    reached = set(start)
    level = list(start)
    for ref in start:
        steps.setdefault(ref, 0)
    for step in range(1, depth + 1):
        found = way.edges(level) if level else []
        level = sorted({way.end(edge) for edge in found} - reached, key=lambda ref: (ref.id, ref.seq))
        if len(reached) + len(level) > _MOST:
            return False
        edges.update(dict.fromkeys(found))
        reached.update(level)
        for ref in level:
            steps.setdefault(ref, step)
    return not (level and way.edges(level))


def _rows(refs: Sequence[UnitRef]) -> list[dict[str, Any]]:
    return [{"id": ref.id, "seq": ref.seq} for ref in refs]


def _edge_key(edge: LineageEdge) -> tuple[str, int, str, int, str]:
    return (edge.ref.id, edge.ref.seq, edge.source.id, edge.source.seq, edge.type)


def _nodes(reader: Reader, refs: Sequence[UnitRef]) -> tuple[LineageNode, ...]:
    rows = reader.read("units/list_lineage_nodes", rows=_rows(refs))
    found = {UnitRef(row["id"], row["seq"]): row for row in rows}
    return tuple(_node(ref, found[ref]) for ref in refs)


def _node(ref: UnitRef, row: dict[str, Any]) -> LineageNode:
    if row["is_shared"]:  # when an entity came and went, and by whom, tells of evidence one may not read
        return LineageNode(
            ref, row["kind"], row["name"], "live", is_current=True, at=None, activity=None, principal=None
        )
    return LineageNode(
        ref,
        row["kind"],
        row["name"],
        row["state"],
        is_current=row["is_head"] and row["state"] == "live",
        at=row["at"],
        activity=row["activity"],
        principal=row["principal"],
    )
