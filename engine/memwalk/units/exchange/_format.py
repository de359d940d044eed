# SPDX-License-Identifier: Apache-2.0
"""The form of an export file: its members, their rows, and how each value is written."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from memwalk.store import graph_description
from memwalk.units._kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CONTENT",
    "FORMAT",
    "HEADER",
    "MEMBERS",
    "PAYLOADS",
    "VECTORS",
    "Field",
    "check_row",
    "dump_row",
    "edge_fields",
    "edge_types",
    "key_of",
    "member_fields",
    "payload_member",
    "render_header",
    "seal_of",
    "shown_names",
]

FORMAT = 1
"""Number of the format; a file with a greater one is refused."""
HEADER = "header.json"
VECTORS = "vectors.safetensors"
PAYLOADS = "payloads/"
CONTENT = ("name", "text", "content_hash", "tags", "metadata", "valid_from", "valid_to")
"""What a unit bears of its head version, beside the properties of its kind."""

_INTEGERS = range(-(2**63), 2**63)
_TEXT, _INTEGER, _BOOLEAN, _FLOAT, _TEXTS, _MAP = "string", "integer", "boolean", "float", "list of string", "map"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row; one that is optional is left out where it says nothing."""

    type: str
    optional: bool = False


_REQUIRED_TEXT, _REQUIRED_INTEGER = Field(_TEXT), Field(_INTEGER)
_SPAN = {"tx_from": Field(_INTEGER), "tx_to": Field(_INTEGER, optional=True)}
_REF = {"id": _REQUIRED_TEXT, "source": _REQUIRED_TEXT, "source_seq": _REQUIRED_INTEGER}
_FIELDS: dict[str, dict[str, Field]] = {
    "spaces.jsonl": {
        "id": _REQUIRED_TEXT,
        "local_only": Field(_BOOLEAN),
        "created_at": Field(_INTEGER, optional=True),
    },
    "principals.jsonl": {
        "id": _REQUIRED_TEXT,
        "kind": _REQUIRED_TEXT,
        "created_at": Field(_INTEGER, optional=True),
        "groups": Field(_TEXTS, optional=True),
    },
    "grants.jsonl": {
        "principal": _REQUIRED_TEXT,
        "type": _REQUIRED_TEXT,
        "role": _REQUIRED_TEXT,
        "space": Field(_TEXT, optional=True),
        "unit": Field(_TEXT, optional=True),
        "from": _REQUIRED_INTEGER,
        "until": Field(_INTEGER, optional=True),
    },
    "activities.jsonl": {
        "id": _REQUIRED_TEXT,
        "name": _REQUIRED_TEXT,
        "detail": _REQUIRED_TEXT,
        "at": _REQUIRED_INTEGER,
        "agent": _REQUIRED_TEXT,
        "principal": _REQUIRED_TEXT,
    },
    "units.jsonl": {
        "id": _REQUIRED_TEXT,
        "kind": _REQUIRED_TEXT,
        "space": Field(_TEXT, optional=True),
        "seq": _REQUIRED_INTEGER,
        "state": _REQUIRED_TEXT,
        "created_at": _REQUIRED_INTEGER,
        "own_right": Field(_BOOLEAN, optional=True),
        "published": Field(_TEXTS, optional=True),
        "vector": Field(_BOOLEAN, optional=True),
        "shown": Field(_MAP, optional=True),
    },
    "versions.jsonl": {},
    "derivations.jsonl": {**_REF, "seq": _REQUIRED_INTEGER},
    "evidence.jsonl": {**_REF, "count": _REQUIRED_INTEGER, **_SPAN},
    "edges.jsonl": {
        "source": _REQUIRED_TEXT,
        "type": _REQUIRED_TEXT,
        "target": _REQUIRED_TEXT,
        "count": Field(_INTEGER, optional=True),
        "score": Field(_FLOAT, optional=True),
        "tx_from": Field(_INTEGER, optional=True),
        "tx_to": Field(_INTEGER, optional=True),
    },
}
MEMBERS = tuple(_FIELDS)
"""Members with rows, in the order they stand in the file."""

_KEYS: dict[str, tuple[str, ...]] = {
    "grants.jsonl": ("space", "unit", "principal", "type", "role", "from", "until"),
    "versions.jsonl": ("id", "seq"),
    "derivations.jsonl": ("id", "seq", "source", "source_seq"),
    "evidence.jsonl": ("id", "source", "source_seq", "tx_from", "tx_to", "count"),
    "edges.jsonl": ("source", "type", "target", "tx_from", "tx_to", "count", "score"),
}


@cache
def member_fields(member: str) -> Mapping[str, Field]:
    """The fields of a member's rows, by name."""
    if member != "versions.jsonl":
        return _FIELDS[member]
    described: dict[str, str] = graph_description()["nodes"]["Version"]["properties"]
    left_out = {"unit_id", "policy_class", "vector"}  # the first is `id`, the second follows from `rights`
    fields = {name: _described(text) for name, text in described.items() if name not in left_out}
    fields["tx_to"] = Field(_INTEGER, optional=True)
    extra = {"id": _REQUIRED_TEXT, "rights": Field(_TEXTS, optional=True), "activity": Field(_TEXT, optional=True)}
    return fields | extra


@cache
def edge_fields(label: str) -> frozenset[str]:
    """The names of the properties of edges of a type."""
    return frozenset(graph_description()["relationships"][label]["properties"])


@cache
def edge_types() -> frozenset[str]:
    """The types of edges from units to units."""
    ends = {"Unit", *KINDS}
    described = graph_description()["relationships"]
    return frozenset(label for label, edge in described.items() if edge["from"] in ends and edge["to"] in ends)


@cache
def shown_names(kind: str) -> tuple[str, ...]:
    """What a unit of a kind bears of its head."""
    return (*CONTENT, *KINDS[kind].properties)


def key_of(member: str, row: Row) -> tuple[tuple[bool, Any], ...]:
    """What a member's rows are sorted by, each once."""
    return tuple((name in row, row.get(name)) for name in _KEYS.get(member, ("id",)))


def dump_row(row: Mapping[str, Any]) -> bytes:
    """A row as canonical JSON on a line: names sorted, no blanks, UTF-8, nothing escaped that need not be."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def check_row(member: str, row: object) -> str:
    """What is wrong with the fields of a row; empty if nothing is."""
    if not isinstance(row, dict):
        return "no JSON object"
    fields = member_fields(member)
    unknown = sorted(row.keys() - fields.keys())
    if unknown:
        return f"unknown field {unknown[0]!r}"
    for name, field in fields.items():
        if name not in row:
            if not field.optional:
                return f"field {name!r} is missing"
        elif not _fits(row[name], field.type):
            return f"field {name!r} is no {field.type}"
    return ""


def payload_member(sha256: str) -> str:
    """Where a payload stands in the file."""
    return f"{PAYLOADS}{sha256}.safetensors"


def render_header(header: Mapping[str, Any]) -> bytes:
    """A header as it stands in the file, with its seal."""
    sealed = {**header, "seal": seal_of(header)}
    return json.dumps(sealed, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n"


def seal_of(header: Mapping[str, Any]) -> str:
    """Sha256 over a header without its seal, as canonical JSON: the name of the whole file's content."""
    return hashlib.sha256(dump_row({name: value for name, value in header.items() if name != "seal"})).hexdigest()


def _described(text: str) -> Field:
    """A property as `schema/graph.json` describes it: ``integer ms?: world time``."""
    form = text.partition(":")[0]
    name = form.removesuffix("?").removesuffix(" ms")
    return Field(name, optional=form.endswith("?"))


def _fits(value: object, wanted: str) -> bool:
    if wanted == _INTEGER:
        return type(value) is int and value in _INTEGERS
    if wanted == _FLOAT:
        return type(value) is float and math.isfinite(value)
    if wanted == _TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, {_TEXT: str, _BOOLEAN: bool, _MAP: dict}[wanted])
