# SPDX-License-Identifier: Apache-2.0
"""The registry of kinds: adding one is one entry here and its lines in `schema/graph.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DERIVED", "KINDS", "VERSION_PROPERTIES", "Kind", "Readable"]


class Readable(Enum):
    """Who may read a unit of a kind."""

    SPACE = "those who may read its space"
    ALL_SOURCES = "those who may read all versions it was derived from, and its space"
    ANY_EVIDENCE = "those who may read any passage that evidences it"


@dataclass(frozen=True, slots=True)
class Kind:
    """What units of one label have in common."""

    label: str
    readable: Readable
    properties: Mapping[str, type] = field(default_factory=dict)
    """Names and types of what its units bear beside what all do."""
    vector: bool = False
    by_hand: bool = False
    """People and programs may write units of this kind as they like; the others come from elsewhere."""
    loadable: str = ""
    """The form a unit of this kind is loaded in besides its text: ``kv``, ``adapter`` or none."""


KINDS: dict[str, Kind] = {
    kind.label: kind
    for kind in (
        Kind("Document", Readable.SPACE, {"uri": str, "format": str, "unfinished": str}),
        Kind("Passage", Readable.SPACE, {"ordinal": int, "start": int, "end": int, "page": int}, vector=True),
        Kind("Entity", Readable.ANY_EVIDENCE, vector=True),
        Kind("Fact", Readable.ANY_EVIDENCE, {"subject": str, "predicate": str, "object": str}, vector=True),
        Kind("Conversation", Readable.SPACE),
        Kind("Message", Readable.ALL_SOURCES, {"role": str, "ordinal": int}),
        Kind("Note", Readable.ALL_SOURCES, vector=True, by_hand=True),
        Kind("Summary", Readable.ALL_SOURCES, vector=True, by_hand=True),
        Kind("KVBlock", Readable.ALL_SOURCES, loadable="kv"),
        Kind("Adapter", Readable.ALL_SOURCES, loadable="adapter"),
    )
}

DERIVED = tuple(sorted(kind.label for kind in KINDS.values() if kind.readable is Readable.ALL_SOURCES))
"""Kinds that need all their sources: readable by those who may read these, stale when one changes."""

VERSION_PROPERTIES = (
    "payload",
    "fingerprint",
    "adapters",
    "tokens",
    "bytes",
    "source_order",
    "source_sha256",
    "extractor",
    "stated_from",
)
"""What a version alone may bear."""
