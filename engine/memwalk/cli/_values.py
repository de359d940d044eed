# SPDX-License-Identifier: Apache-2.0
"""Values that Cypher returns, as JSON and as text a person can read."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from memwalk.cli._streams import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from neo4j.graph import Node, Path, Relationship

    Writers = tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...]

__all__ = ["as_csv", "as_json", "as_json_text", "as_text", "parse_parameter"]

_CELL = 600
_STRING = 60
_LIST = 8
_HIDDEN = {"vector"}
"""Properties that a person does not read; JSON holds them."""


def parse_parameter(text: str) -> tuple[str, Any]:
    """``name=value``: the value is JSON if it reads as such, else the string itself.

    >>> parse_parameter("ids=[1, 2]"), parse_parameter("name=paris"), parse_parameter('year="1984"')
    (('ids', [1, 2]), ('name', 'paris'), ('year', '1984'))

    What could be the beginning of an id is a string:

    >>> parse_parameter("unit=12345e67")
    ('unit', '12345e67')
    """
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise ValueError(text)
    try:
        parsed = json.loads(value, parse_constant=_refuse)
    except ValueError:
        return name, value
    if isinstance(parsed, float) and "e" in value.lower():
        return name, value
    return name, parsed


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def as_json(value: Any) -> Any:
    """A value as JSON holds it; numbers that JSON has no word for, times and bytes become strings."""
    return next(write(value) for kinds, write in _json_writers() if isinstance(value, kinds))


@cache
def _json_writers() -> Writers:
    from neo4j.graph import Node, Path, Relationship

    return (
        ((NoneType, bool, int, str), lambda value: value),
        (float, _number),
        ((bytes, bytearray), lambda value: base64.b64encode(value).decode()),
        (Node, lambda node: {"id": node.element_id, "labels": _labels(node), "properties": _properties(node)}),
        (Relationship, _edge),
        (Path, lambda path: {"nodes": as_json(list(path.nodes)), "relationships": as_json(list(path.relationships))}),
        (dict, lambda held: {str(key): as_json(one) for key, one in held.items()}),
        ((list, set, frozenset), lambda held: [as_json(one) for one in held]),
        (object, _scalar),
    )


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")


def _edge(edge: Relationship) -> dict[str, Any]:
    ends = {"from": edge.start_node, "to": edge.end_node}
    return {
        "id": edge.element_id,
        "type": edge.type,
        **{name: node.element_id if node else None for name, node in ends.items()},
        "properties": _properties(edge),
    }


def as_json_text(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, more: bool) -> str:
    """A result as one JSON document, a row a line."""
    lines = [json.dumps(as_json(list(row)), ensure_ascii=False, allow_nan=False) for row in rows]
    body = ",\n    ".join(lines)
    listed = f"[\n    {body}\n  ]" if lines else "[]"
    names = json.dumps(list(columns), ensure_ascii=False)
    return f'{{\n  "columns": {names},\n  "rows": {listed},\n  "more": {json.dumps(more)}\n}}\n'


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A result as CSV (RFC 4180) with a header; null is an empty field, lists, maps and nodes are JSON."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_field(value) for value in row] for row in rows)
    return out.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    plain = as_json(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def as_text(value: Any) -> str:
    """A value for a table: nodes and edges as Cypher draws them, long things shortened, vectors left out."""
    text = clean(value) if isinstance(value, str) else _inner(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def _inner(value: Any) -> str:
    text: str = next(write(value) for kinds, write in _text_writers() if isinstance(value, kinds))
    return text


@cache
def _text_writers() -> Writers:
    from neo4j.graph import Node, Path, Relationship

    return (
        (NoneType, lambda _: "null"),
        (bool, lambda value: "true" if value else "false"),
        (float, lambda value: f"{value:.6g}"),
        (str, lambda value: json.dumps(one_line(value, _STRING), ensure_ascii=False)),
        ((bytes, bytearray), lambda value: f"<{len(value)} bytes>"),
        (Node, lambda node: f"({_label_text(node)}{_map(node)})"),
        (Relationship, lambda edge: f"[:{clean(edge.type)}{_map(edge)}]"),
        (Path, _path),
        (dict, lambda held: "{" + ", ".join(f"{clean(str(key))}: {_inner(one)}" for key, one in held.items()) + "}"),
        ((list, set, frozenset), _list),
        (object, lambda value: str(_scalar(value))),
    )


def _list(value: Collection[Any]) -> str:
    shown = ", ".join(_inner(one) for one in list(value)[:_LIST])
    return f"[{shown}, … {len(value)} in all]" if len(value) > _LIST else f"[{shown}]"


def _scalar(value: Any) -> Any:
    """Times, places, vectors."""
    if hasattr(value, "iso_format"):
        return value.iso_format()
    if isinstance(value, tuple):  # a point
        return {"srid": getattr(value, "srid", None), "coordinates": list(value)}
    if hasattr(value, "to_native"):  # a vector
        return value.to_native()
    return str(value)


def _labels(node: Node) -> list[str]:
    """The kind before what all units are."""
    return sorted(node.labels, key=lambda label: (label == "Unit", label))


def _label_text(node: Node) -> str:
    return "".join(f":{clean(label)}" for label in _labels(node))


def _properties(entity: Node | Relationship) -> dict[str, Any]:
    """What names it first, the rest by name."""
    first = ("name", "id", "key")
    names = sorted(entity.keys(), key=lambda name: (first.index(name) if name in first else len(first), name))
    return {name: as_json(entity[name]) for name in names}


def _map(entity: Node | Relationship) -> str:
    shown = {name: value for name, value in _properties(entity).items() if name not in _HIDDEN}
    return " {" + ", ".join(f"{clean(name)}: {_inner(value)}" for name, value in shown.items()) + "}" if shown else ""


def _path(path: Path) -> str:
    text = _caption(path.nodes[0])
    for edge, before, after in zip(path.relationships, path.nodes, path.nodes[1:], strict=False):
        onward = edge.start_node == before
        text += f"{'-' if onward else '<-'}[:{clean(edge.type)}]{'->' if onward else '-'}{_caption(after)}"
    return text


def _caption(node: Node) -> str:
    for name in ("name", "id", "key"):
        if name in node:
            return f"({_label_text(node)} {{{name}: {_inner(node[name])}}})"
    return f"({_label_text(node)})"
