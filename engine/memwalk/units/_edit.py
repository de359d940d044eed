# SPDX-License-Identifier: Apache-2.0
"""Changing units: compare-and-swap on the version the writer had read. Who may is decided by the caller."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound, StaleVersion
from memwalk.units._kinds import KINDS, VERSION_PROPERTIES
from memwalk.units._new import NewUnit
from memwalk.units._states import State, check_transition
from memwalk.units._write import Held, lock_units, write_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.store import Transaction

__all__ = ["CHANGEABLE", "UnitChange", "UnitRevert", "revert_units", "unit_of_version", "update_units"]

CHANGEABLE = ("name", "text", "properties", "tags", "metadata", "valid_from", "valid_to", "derived_from", "version")
"""What an update may set; `properties` and `version` are merged into what is there, the others replace it."""


@dataclass(frozen=True, slots=True)
class UnitChange:
    """What a unit shall say from now on, seen from the version the writer had read."""

    id: str
    seq: int
    set: Mapping[str, Any]
    """Values by name, of those in `CHANGEABLE`."""


@dataclass(frozen=True, slots=True)
class UnitRevert:
    """The earlier version whose content shall be the head's again."""

    id: str
    seq: int
    """The head the writer had read."""
    to: int


def update_units(tx: Transaction, activity: str, changes: Sequence[UnitChange]) -> dict[str, int]:
    """Write new versions of live units, all or none.

    A change that changes nothing writes nothing.

    Returns
    -------
    dict
        The number of each unit's head, by id.

    Raises
    ------
    StaleVersion
        A head is no longer the version the writer had read.
    NotFound, WrongState, InvalidArgument
    """
    held = _expect(tx, "update", {change.id: change.seq for change in changes}, len(changes))
    heads = _versions(tx, held, [(change.id, change.seq) for change in changes])
    due = []
    for change in sorted(changes, key=lambda change: change.id):
        wanted, head = _changed(heads[change.id], change.set).checked(), heads[change.id]
        if (wanted.hash(), wanted.notes()) != (head.hash(), head.notes()):
            due.append(wanted)
    return {unit: found.seq for unit, found in held.items()} | write_versions(tx, activity, due, held)


def revert_units(tx: Transaction, activity: str, reverts: Sequence[UnitRevert]) -> dict[str, int]:
    """Make new versions that say what earlier ones said, all or none; a retired unit lives again.

    Returns
    -------
    dict
        The number of each unit's new head, by id.

    Raises
    ------
    StaleVersion
        A head is no longer the version the writer had read.
    NotFound
        A unit, or its version, is not there.
    InvalidArgument
        The version is a tombstone: it says nothing.
    """
    held = _expect(tx, "revert", {revert.id: revert.seq for revert in reverts}, len(reverts))
    wanted = _versions(tx, held, [(revert.id, revert.to) for revert in reverts])
    due = [wanted[unit].checked() for unit in sorted(wanted)]
    return write_versions(tx, activity, due, held)


def unit_of_version(
    unit: str, kind: str, space: str | None, version: Mapping[str, Any], sources: Sequence[tuple[str, int]]
) -> NewUnit:
    """What a version says, as a unit that could be written again."""
    return NewUnit(
        id=unit,
        kind=kind,
        name=version["name"],
        text=version["text"],
        space=space,
        properties={name: version[name] for name in KINDS[kind].properties if version.get(name) is not None},
        version={name: version[name] for name in VERSION_PROPERTIES if version.get(name) is not None},
        derived_from=tuple(sources),
        tags=tuple(version.get("tags") or ()),
        metadata=json.loads(version.get("metadata") or "{}"),
        valid_from=version.get("valid_from"),
        valid_to=version.get("valid_to"),
    )


def _expect(tx: Transaction, act: str, seqs: Mapping[str, int], count: int) -> dict[str, Held]:
    if len(seqs) != count:
        raise InvalidArgument("units", count, "each unit once")
    held = lock_units(tx, seqs)
    for unit, seq in seqs.items():
        if unit not in held:
            raise NotFound("unit", unit)
        if held[unit].seq != seq:
            raise StaleVersion(unit, seq, held[unit].seq)
        check_transition(act, unit, held[unit].state)
    return held


def _versions(tx: Transaction, held: Mapping[str, Held], refs: Sequence[tuple[str, int]]) -> dict[str, NewUnit]:
    rows = tx.run("units/list_versions", rows=[{"id": unit, "seq": seq} for unit, seq in refs])
    found = {row["id"]: row for row in rows}
    for unit, seq in refs:
        if unit not in found:
            raise NotFound(f"version {seq} of unit", unit)
        if found[unit]["version"]["state"] != State.LIVE:
            raise InvalidArgument("version", seq, "one with content: this is a tombstone")
    return {
        unit: unit_of_version(
            unit,
            held[unit].kind,
            held[unit].space,
            row["version"],
            [(source["id"], source["seq"]) for source in row["sources"]],
        )
        for unit, row in found.items()
    }


def _changed(unit: NewUnit, values: Mapping[str, Any]) -> NewUnit:
    unknown = values.keys() - set(CHANGEABLE)
    if unknown:
        raise InvalidArgument("change", sorted(unknown), " or ".join(CHANGEABLE))
    merged: dict[str, Any] = {
        name: {**getattr(unit, name), **value} if name in {"properties", "version"} else value
        for name, value in values.items()
    }
    return replace(unit, **merged)
