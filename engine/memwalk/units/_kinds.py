# SPDX-License-Identifier: Apache-2.0
"""The registry of kinds: adding one is one entry here and its lines in `schema/graph.json`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["KINDS", "Kind", "Readable"]


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
    properties: tuple[str, ...] = ()
    vector: bool = False
    loadable: str = ""
    """The form a unit of this kind is loaded in besides its text: ``kv``, ``adapter`` or none."""


KINDS: dict[str, Kind] = {
    kind.label: kind
    for kind in (
        Kind("Document", Readable.SPACE, ("uri", "format")),
        Kind("Passage", Readable.SPACE, ("ordinal", "start", "end"), vector=True),
        Kind("Entity", Readable.ANY_EVIDENCE, vector=True),
        Kind("Fact", Readable.ANY_EVIDENCE, ("subject", "predicate", "object"), vector=True),
        Kind("Conversation", Readable.SPACE),
        Kind("Message", Readable.ALL_SOURCES, ("role", "ordinal")),
        Kind("KVBlock", Readable.ALL_SOURCES, loadable="kv"),
        Kind("Adapter", Readable.ALL_SOURCES, loadable="adapter"),
    )
}
