# SPDX-License-Identifier: Apache-2.0
"""What of a store one principal exports: only what it may read now, and whole lines of derivation.

An administrator who may read everything and names neither spaces nor units exports the store as it is. In
any other export the entities and facts are made anew of the evidence that goes along: one version, as old
as that evidence, by the activity that brought it. When an entity really came, and how often it went, tells
of evidence that is not in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound
from memwalk.store import FOREVER
from memwalk.units._kinds import DERIVED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memwalk.store import Store

__all__ = ["Ref", "Scope", "Shared", "select"]

Ref = tuple[str, int]


@dataclass(slots=True)
class Shared:
    """An entity or fact as the exported evidence shows it."""

    first: tuple[int, str, int]
    """(`tx_from`, unit id, seq) of its first evidence."""
    activity: str | None
    live: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported, by id; the rows are read later."""

    principal: str
    rights: policy.Rights
    classes: Mapping[str, tuple[str, ...]]
    """The rights each policy class needs, by its key."""
    whole: bool
    """The store as it is."""
    selected: bool
    """Spaces or units were named."""
    units: tuple[str, ...]
    """All units, sorted."""
    members: frozenset[str]
    shared: Mapping[str, Shared]
    dropped: frozenset[Ref]
    """Versions of exported units that stay behind."""

    def has(self, unit: str, seq: int) -> bool:
        """Whether a version goes along."""
        return unit in self.members and (unit, seq) not in self.dropped


@dataclass(slots=True)
class _Found:
    """Readable units of spaces, and how they hang together."""

    space: dict[str, str] = field(default_factory=dict)
    head: dict[str, int] = field(default_factory=dict)
    derived: set[str] = field(default_factory=set)
    published: set[str] = field(default_factory=set)
    sources: dict[str, list[tuple[int, str, int, bool]]] = field(default_factory=dict)
    """(seq, source unit, its seq, whether that version is readable) by unit."""
    hidden: set[Ref] = field(default_factory=set)


def select(
    store: Store, principal: str, spaces: Sequence[str] | None = None, units: Sequence[str] | None = None
) -> Scope:
    """Choose what a principal exports.

    Raises
    ------
    UnknownPrincipal
    NotFound
        A space or unit is not there, or may not be read.
    InvalidArgument
        A unit is an entity or a fact: these come with what evidences them.
    """
    rights = policy.rights_of(store, principal)
    readable = policy.readable_classes(store, principal)
    classes = {row["key"]: tuple(row["rights"]) for row in store.read("exchange/list_classes")}
    selected = spaces is not None or units is not None
    whole = rights.administers and not selected and classes.keys() <= set(readable)
    found = _read(store, readable, complete=not whole)
    chosen = set(found.space)
    if selected:
        chosen = _chosen(store, readable, found, principal, spaces or (), units or ())
    dropped = _close(found, chosen)
    shared = {} if whole else _shared(store, readable, chosen, dropped)
    if whole:
        chosen.update(row["id"] for row in store.stream("exchange/stream_shared_units"))
    chosen |= shared.keys()
    return Scope(
        principal=principal,
        rights=rights,
        classes=classes,
        whole=whole,
        selected=selected,
        units=tuple(sorted(chosen)),
        members=frozenset(chosen),
        shared=shared,
        dropped=frozenset(dropped),
    )


def _read(store: Store, readable: list[str], *, complete: bool) -> _Found:
    found = _Found()
    for row in store.stream("exchange/stream_units", classes=readable):
        found.space[row["id"]] = row["space"]
        found.head[row["id"]] = row["seq"]
        if row["kind"] in DERIVED:
            found.derived.add(row["id"])
        if row["published"]:
            found.published.add(row["id"])
    if complete:
        for row in store.stream("exchange/stream_hidden_versions", classes=readable):
            found.hidden.add((row["id"], row["seq"]))
        for row in store.stream("exchange/stream_derivations", classes=readable):
            if row["id"] in found.space:
                source = (row["seq"], row["source"], row["source_seq"], row["readable"])
                found.sources.setdefault(row["id"], []).append(source)
    return found


def _chosen(
    store: Store,
    readable: list[str],
    found: _Found,
    principal: str,
    spaces: Sequence[str],
    units: Sequence[str],
) -> set[str]:
    """The units of some spaces, and some units with their parts; with all that these were made from."""
    for space in spaces:
        policy.require_role(store, principal, "reader", space)
    wanted = set(spaces)
    chosen = {unit for unit, space in found.space.items() if space in wanted}
    if units:
        parts: dict[str, list[str]] = {}
        for row in store.stream("exchange/stream_parts", classes=readable):
            parts.setdefault(row["id"], []).append(row["part"])
        for unit in units:
            if unit not in found.space:
                raise _no_such(store, readable, unit)
            chosen |= {unit, *(part for part in parts.get(unit, ()) if part in found.space)}
    waiting = list(chosen)
    while waiting:
        for _, source, _, _ in found.sources.get(waiting.pop(), ()):
            if source in found.space and source not in chosen:
                chosen.add(source)
                waiting.append(source)
    return chosen


def _no_such(store: Store, readable: list[str], unit: str) -> Exception:
    if any(row["id"] == unit for row in _evidence(store, readable)):
        return InvalidArgument("unit", unit, "a unit of a space: entities and facts come with the passages they are in")
    return NotFound("unit", unit)


def _close(found: _Found, chosen: set[str]) -> set[Ref]:
    """Leave out versions, and units, whose sources do not all go along; what was published needs the readable ones."""
    dropped = {ref for ref in found.hidden if ref[0] in chosen}
    changed = True
    while changed:
        changed = False
        for unit in sorted(chosen & found.derived):
            for seq, source, source_seq, readable in found.sources.get(unit, ()):
                goes_along = source in chosen and (source, source_seq) not in dropped
                if (unit, seq) in dropped or goes_along or (unit in found.published and not readable):
                    continue
                dropped.add((unit, seq))
                changed = True
                if seq == found.head[unit]:
                    chosen.discard(unit)
    return dropped


def _shared(store: Store, readable: list[str], chosen: set[str], dropped: set[Ref]) -> dict[str, Shared]:
    """The entities and facts that exported versions evidence now."""
    seen: dict[str, Shared] = {}
    for row in _evidence(store, readable):
        source = (row["source"], row["source_seq"])
        if source[0] not in chosen or source in dropped:
            continue
        first = (row["tx_from"], *source)
        live = row["tx_to"] == FOREVER
        there = seen.setdefault(row["id"], Shared(first, row["activity"], live))
        there.live |= live
        if first < there.first:
            there.first, there.activity = first, row["activity"]
    return {unit: one for unit, one in seen.items() if one.live}


def _evidence(store: Store, readable: list[str]) -> Iterator[dict[str, Any]]:
    return store.stream("exchange/stream_evidence", classes=readable)
