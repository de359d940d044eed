# SPDX-License-Identifier: Apache-2.0
"""Units as tables and as JSON: lists, differences, lineages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from memwalk.cli._document import time_of
from memwalk.cli._render import rows_table, short_id
from memwalk.cli._streams import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from memwalk.units import Difference, Lineage, LineageNode, Unit, UnitRef

__all__ = [
    "difference_lines",
    "lineage_tree",
    "of_difference",
    "of_lineage",
    "of_listed",
    "of_refs",
    "refs_table",
    "units_table",
]

Json = dict[str, Any]
_NAME = 60


def units_table(units: Iterable[Unit]) -> RenderableType:
    """Units, one a line."""
    rows = [
        (
            short_id(unit.id),
            unit.kind,
            unit.space or "",
            str(unit.seq),
            one_line(unit.name, _NAME),
            ", ".join(unit.tags),
            "" if unit.state == "live" else unit.state,
        )
        for unit in units
    ]
    return rows_table(("id", "kind", "space", "version", "name", "tags", ""), rows, numbers=["version"])


def refs_table(refs: Iterable[UnitRef]) -> RenderableType:
    """What was written: whole ids, as scripts and the next command need them."""
    return rows_table(("id", "version"), [(ref.id, str(ref.seq)) for ref in refs], numbers=["version"])


def difference_lines(found: Difference) -> RenderableType:
    """What differs between two versions, field by field, then the text line by line."""
    if not found:
        return Text(f"versions {found.a} and {found.b} say the same")
    parts: list[RenderableType] = []
    for change in found.changes:
        parts.append(Text(f"{change.field}:", "bold"))
        parts += [
            Text(f"{sign} {one_line(str(value), 400)}", style)
            for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green"))
            if value is not None
        ]
    styles = {"+": "green", "-": "red", "@": "cyan"}
    parts += [Text(clean(line), styles.get(line[:1], "")) for line in found.text.splitlines()]
    return Group(*parts)


def lineage_tree(found: Lineage) -> RenderableType:
    """What a unit was made from, and what was made of it, as two trees; what was shown before is not opened again."""
    nodes = {node.ref: node for node in found.nodes}
    up = _Branches(nodes, [(edge.ref, edge.source, edge.type) for edge in found.edges])
    down = _Branches(nodes, [(edge.source, edge.ref, edge.type) for edge in found.edges])
    head = nodes[found.unit]
    parts: list[RenderableType] = [_node_text(head)]
    own = [ref for ref in nodes if ref.id == found.unit.id]
    for title, branches in (("made from", up), ("made into", down)):
        tree = Tree(Text(title, "bold"))
        for ref in sorted(own, key=lambda ref: -ref.seq):
            branches.grow(tree, ref, set(own))
        if tree.children:
            parts.append(tree)
    if len(parts) == 1:
        parts.append(Text("made from nothing that you may read, and nothing was made of it"))
    if not found.is_whole:
        parts.append(Text("there is more: --depth goes further", "dim"))
    return Group(*parts)


class _Branches:
    """Edges one way, drawn below each other."""

    def __init__(self, nodes: dict[UnitRef, LineageNode], edges: Sequence[tuple[UnitRef, UnitRef, str]]) -> None:
        self.nodes = nodes
        self.next: dict[UnitRef, list[tuple[UnitRef, str]]] = {}
        for here, there, kind in edges:
            self.next.setdefault(here, []).append((there, kind))

    def grow(self, tree: Tree, start: UnitRef, shown: set[UnitRef]) -> None:
        """Draw all that lies beyond a version; without recursion, as lineages can be long."""
        waiting = [(tree, start)]
        while waiting:
            branch, ref = waiting.pop()
            for there, kind in self.next.get(ref, ()):
                again = there in shown
                text = _node_text(self.nodes[there])
                child = branch.add(Text.assemble((f"{kind} ", "dim"), text, " (shown above)" if again else ""))
                if not again:
                    shown.add(there)
                    waiting.append((child, there))


def _node_text(node: LineageNode) -> Text:
    made = f"{node.activity} for {node.principal}" if node.activity else ""
    state = "" if node.is_current else ("retired" if node.state == "retired" else "not current")
    told = "  ".join(part for part in (made, state) if part)
    version = f"{short_id(node.ref.id)} version {node.ref.seq}"
    return Text.assemble(
        (f"{node.kind} ", "dim"), (one_line(node.name, _NAME), "bold"), (f"  {version}", "dim"), f"  {told}"
    )


def of_listed(unit: Unit) -> Json:
    """A unit of a list, whole but for what its version alone bears."""
    return {
        "id": unit.id,
        "kind": unit.kind,
        "space": unit.space,
        "version": unit.seq,
        "state": unit.state,
        "name": unit.name,
        "text": unit.text,
        "tags": list(unit.tags),
        "metadata": unit.metadata,
        "valid_from": _time(unit.valid_from),
        "valid_to": _time(unit.valid_to),
        "since": _time(unit.since),
    }


def of_refs(refs: Iterable[UnitRef]) -> Json:
    """What was written."""
    return {"units": [_ref(ref) for ref in refs]}


def of_difference(found: Difference) -> Json:
    """What differs between two versions."""
    return {
        "id": found.unit,
        "from": found.a,
        "to": found.b,
        "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in found.changes],
        "text": found.text,
    }


def of_lineage(found: Lineage) -> Json:
    """A lineage: versions and edges."""
    return {
        "unit": _ref(found.unit),
        "nodes": [
            {
                **_ref(node.ref),
                "kind": node.kind,
                "name": node.name,
                "state": node.state,
                "current": node.is_current,
                "at": _time(node.at),
                "activity": node.activity,
                "principal": node.principal,
            }
            for node in found.nodes
        ],
        "edges": [{"type": e.type, "version": _ref(e.ref), "source": _ref(e.source)} for e in found.edges],
        "whole": found.is_whole,
    }


def _ref(ref: UnitRef) -> Json:
    return {"id": ref.id, "version": ref.seq}


def _time(ms: int | None) -> str | None:
    return None if ms is None else time_of(ms)
