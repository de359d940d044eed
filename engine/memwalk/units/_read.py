# SPDX-License-Identifier: Apache-2.0
"""Reading units: only ever those of readable policy classes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound
from memwalk.store import FOREVER
from memwalk.units._kinds import KINDS, Readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Store

__all__ = [
    "Loadable",
    "Unit",
    "UnitRef",
    "find_unit",
    "get_unit",
    "get_units",
    "list_history",
    "list_loadables",
]

_PREFIX = 6


@dataclass(frozen=True, slots=True)
class UnitRef:
    """An exact version of a unit."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as its head says it is."""

    id: str
    kind: str
    space: str | None
    seq: int
    name: str
    text: str
    policy_class: str | None
    properties: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    valid_from: int | None = None
    """World time (ms)."""
    valid_to: int | None = None

    @property
    def ref(self) -> UnitRef:
        """The version this is."""
        return UnitRef(self.id, self.seq)


@dataclass(frozen=True, slots=True)
class Loadable:
    """A KV block or an adapter over exact unit versions."""

    id: str
    kind: str
    name: str
    space: str
    seq: int
    payload: str
    fingerprint: str
    adapters: str
    """Adapter set it was computed under; empty for none."""
    tokens: int
    bytes: int
    sources: tuple[UnitRef, ...]
    """In the order they were loaded when it was built."""
    fresh: bool
    """Every source is still the version it was built from."""


def get_units(store: Store, classes: Sequence[str], ids: Sequence[str]) -> dict[str, Unit]:
    """The readable ones among these units, by id."""
    rows = store.read("units/get_units", ids=list(dict.fromkeys(ids)), classes=list(classes), forever=FOREVER)
    return {row["id"]: _unit(row) for row in rows}


def get_unit(store: Store, classes: Sequence[str], unit_id: str) -> Unit:
    """One readable unit.

    Raises
    ------
    NotFound
        There is none, or it may not be read.
    """
    found = get_units(store, classes, [unit_id])
    if not found:
        raise NotFound("unit", unit_id)
    return found[unit_id]


def find_unit(store: Store, classes: Sequence[str], reference: str) -> Unit:
    """The readable unit that a person means: by id, by the beginning of one (6 characters or more), or by name.

    Raises
    ------
    NotFound
        None such, or none that may be read.
    InvalidArgument
        Several such.
    """
    ids: list[str] = []
    if len(reference) >= _PREFIX:
        ids = [
            r["id"]
            for r in store.read("units/find_units", prefix=reference.lower(), classes=list(classes), forever=FOREVER)
        ]
    if not ids:
        phrase = '"' + reference.replace("\\", " ").replace('"', " ") + '"'
        if not phrase.strip('" '):
            raise NotFound("unit", reference)
        rows = store.read(
            "units/find_named_units", phrase=phrase, name=reference, classes=list(classes), forever=FOREVER
        )
        best = [r for r in rows if r["kind"] == rows[0]["kind"]]
        ids = [r["id"] for r in best]
    if not ids:
        raise NotFound("unit", reference)
    if len(ids) > 1:
        raise InvalidArgument("unit", reference, f"one unit; these begin or are named so: {', '.join(ids)}")
    return get_unit(store, classes, ids[0])


def list_history(store: Store, classes: Sequence[str], unit_id: str) -> list[dict[str, Any]]:
    """The versions of a readable unit, newest first.

    An entity or fact has one content, its identity: when it came and went, and by whom, would tell of
    evidence one may not read, so it shows its one version alone.

    Raises
    ------
    NotFound
    """
    unit = get_unit(store, classes, unit_id)
    if KINDS[unit.kind].readable is Readable.ANY_EVIDENCE:
        blank = dict.fromkeys(("at", "content_hash", "activity", "principal"))
        return [{"seq": unit.seq, "state": "live", **blank}]
    return store.read("units/list_history", id=unit_id, classes=list(classes))


def list_loadables(store: Store, classes: Sequence[str]) -> list[Loadable]:
    """The readable KV blocks and adapters, stale ones included and marked."""
    found = []
    for row in store.read("units/list_loadables", classes=list(classes)):
        seqs = {source["id"]: source["seq"] for source in row["sources"]}
        found.append(
            Loadable(
                id=row["id"],
                kind=row["kind"],
                name=row["name"],
                space=row["space"],
                seq=row["seq"],
                payload=row["payload"],
                fingerprint=row["fingerprint"],
                adapters=row["adapters"],
                tokens=row["tokens"],
                bytes=row["bytes"],
                sources=tuple(UnitRef(source, seqs[source]) for source in row["source_order"]),
                fresh=all(source["fresh"] for source in row["sources"]),
            )
        )
    return found


def _unit(row: dict[str, Any]) -> Unit:
    kind = next(label for label in row["labels"] if label in KINDS)
    shown = {name: row["properties"].get(name) for name in KINDS[kind].properties}
    version = {
        k: row["version"][k] for k in ("payload", "fingerprint", "tokens", "bytes") if row["version"].get(k) is not None
    }
    policy_class = row["properties"].get("policy_class")
    # How often an entity came and went tells of evidence one may not read.
    seq = 1 if KINDS[kind].readable is Readable.ANY_EVIDENCE else row["seq"]
    return Unit(
        row["id"],
        kind,
        row["space"],
        seq,
        row["name"],
        row["text"],
        policy_class,
        shown | version,
        tuple(row["version"].get("tags") or ()),
        json.loads(row["version"].get("metadata") or "{}"),
        row["version"].get("valid_from"),
        row["version"].get("valid_to"),
    )
