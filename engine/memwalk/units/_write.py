# SPDX-License-Identifier: Apache-2.0
"""Writing units, inside a transaction that the caller holds. Who may is decided by the caller.

Every function takes a batch: with the transaction, all of it is written or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from memwalk._version import __version__
from memwalk.errors import InvalidArgument, NotFound, UnknownPrincipal
from memwalk.policy import covers, derived_rights, ensure_classes, right_of
from memwalk.store import FOREVER
from memwalk.units._identity import new_id
from memwalk.units._kinds import KINDS, Readable
from memwalk.units._states import State, check_transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memwalk.store import Transaction
    from memwalk.units._new import NewUnit

__all__ = ["AGENT", "Held", "lock_units", "put_units", "record_activity", "retire_units", "write_versions"]

AGENT = f"memwalk/{__version__}"
"""The software agent that acts for principals."""

_TOLD = 5


@dataclass(frozen=True, slots=True)
class Held:
    """What a locked unit is now."""

    id: str
    kind: str
    space: str | None
    seq: int
    state: str
    content_hash: str
    right: str | None
    published: list[str]
    """Rights of its sources that it was let go of."""
    since: int
    """`tx_from` of its head (ms)."""
    name: str
    text: str
    notes: dict[str, Any]
    """Its tags, metadata and validity, as they are stored."""
    stated_from: int | None
    """The `valid_from` that its source stated."""


def record_activity(tx: Transaction, principal: str, name: str, detail: str = "") -> str:
    """Record what is being done and on whose behalf; returns the activity's id.

    Raises
    ------
    UnknownPrincipal
    """
    activity = new_id()
    made = tx.run(
        "units/create_activity",
        id=activity,
        name=name,
        detail=detail,
        at=tx.at,
        agent=AGENT,
        principal=principal,
    )
    if not made:
        raise UnknownPrincipal(principal)
    return activity


def lock_units(tx: Transaction, ids: Iterable[str]) -> dict[str, Held]:
    """Lock those of these units that are there, in the order of their ids, and read them."""
    rows = tx.run("units/lock_units", ids=sorted(set(ids)))
    return {row["id"]: Held(**row) for row in rows}


def put_units(tx: Transaction, activity: str, units: Iterable[NewUnit], *, anew: bool = False) -> dict[str, int]:
    """Create, revive or update units by content.

    A unit that already says the same is left alone, unless all shall have a new version (`anew`).

    Returns
    -------
    dict
        The new head's number of each unit that changed, by id.

    Raises
    ------
    InvalidArgument
        A unit is not what its kind allows, or is there with another kind or space.
    NotFound
        A version that a unit is derived from is not there.
    """
    ordered = sorted((unit.checked() for unit in units), key=lambda unit: unit.id)
    held = lock_units(tx, _involved(ordered))
    due = []
    for unit in ordered:
        there = held.get(unit.id)
        if there is not None:
            if (there.kind, there.space) != (unit.kind, unit.space):
                raise InvalidArgument("unit", unit.id, f"a {there.kind} of space {there.space}, which it is already")
            same = there.content_hash == unit.hash() and (unit.keeps or there.notes == unit.notes())
            if there.state == State.LIVE and same and not anew:
                continue
        check_transition("add", unit.id, there.state if there else State.ABSENT)
        due.append(unit)
    return write_versions(tx, activity, due, held)


def _involved(units: Iterable[NewUnit]) -> Iterator[str]:
    """Units to be locked: these, and the sources of derived ones, so that none is purged meanwhile."""
    for unit in units:
        yield unit.id
        if KINDS[unit.kind].readable is Readable.ALL_SOURCES:
            yield from (source for source, _ in unit.derived_from)


def write_versions(
    tx: Transaction, activity: str, units: Sequence[NewUnit], held: Mapping[str, Held]
) -> dict[str, int]:
    """Write one new head version for each of these units, sorted by id; `held` are those that are locked.

    Returns
    -------
    dict
        The new head's number of each unit, by id.
    """
    keys = _class_keys(tx, units, held)
    created: list[tuple[str | None, dict[str, Any]]] = []
    updated: list[dict[str, Any]] = []
    for unit in units:
        there = held.get(unit.id)
        row = _row(tx, unit, there, keys[unit.id])
        if there is None:
            created.append((unit.space, row))
        else:
            updated.append(row)
    created.sort(key=lambda pair: pair[0] or "")
    for space, rows in groupby(created, key=lambda pair: pair[0]):
        _create(tx, activity, space, [row for _, row in rows])
    if updated:
        tx.run("units/update_units", rows=updated, activity=activity)
    derivations = [
        {"id": unit.id, "seq": held[unit.id].seq + 1 if unit.id in held else 1, "source": source, "source_seq": seq}
        for unit in units
        for source, seq in unit.derived_from
    ]
    if derivations:
        made = tx.run("units/create_derivations", rows=derivations)[0]["count"]
        if made != len(derivations):
            wanted = [f"{row['source']}@{row['source_seq']}" for row in derivations]
            raise NotFound("version among", ", ".join(wanted[:_TOLD]))
    tx.touch(*(unit.id for unit in units))
    return {unit.id: held[unit.id].seq + 1 if unit.id in held else 1 for unit in units}


def retire_units(tx: Transaction, activity: str, ids: Sequence[str]) -> list[str]:
    """Retire live units, and the entities and facts that lose their last evidence with them.

    Returns
    -------
    list of str
        The ids of all that were retired.
    """
    retired = _retire(tx, activity, ids)
    return retired + _retire(
        tx, activity, [r["id"] for r in tx.run("units/list_unevidenced", ids=retired, forever=FOREVER)]
    )


def _retire(tx: Transaction, activity: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    rows = tx.run("units/retire_units", ids=sorted(ids), activity=activity, at=tx.at, forever=FOREVER)
    retired = [row["id"] for row in rows]
    tx.touch(*retired)
    return retired


def _class_keys(tx: Transaction, units: Sequence[NewUnit], held: Mapping[str, Held]) -> dict[str, str | None]:
    """The key of each unit's policy class; None for those readable by evidence."""
    sources = {
        unit.id: unit.derived_from
        for unit in units
        if KINDS[unit.kind].readable is Readable.ALL_SOURCES and unit.derived_from
    }
    needed = derived_rights(tx, sources) if sources else {}
    rights: dict[str, frozenset[str]] = {}
    for unit in units:
        if unit.space is not None:
            there = held.get(unit.id)
            own = (there and there.right) or right_of(unit.space)
            dropped = there.published if there else []
            kept = {right for right in needed.get(unit.id, ()) if not covers(dropped, right)}
            rights[unit.id] = frozenset({own}) | kept
    keys = ensure_classes(tx, {needs for needs in rights.values() if len(needs) > 1})
    return {
        unit.id: None if unit.id not in rights else keys.get(rights[unit.id], next(iter(rights[unit.id])))
        for unit in units
    }


def _row(tx: Transaction, unit: NewUnit, there: Held | None, policy_class: str | None) -> dict[str, Any]:
    """A unit and its new version as a row of `units/create_units` or `units/update_units`."""
    content = unit.content()
    if there and unit.keeps:
        content |= _kept(unit, there)
    seq = there.seq + 1 if there else 1
    # A writer on a slower clock must not end a version before it began.
    at = max(tx.at, there.since + 1) if there else tx.at
    shown: dict[str, Any] = {**content, "seq": seq, "state": State.LIVE.value, "policy_class": policy_class}
    if there is None:
        shown |= {"id": unit.id, "space": unit.space, "created_at": tx.at}
        shown["right"] = None if unit.space is None else right_of(unit.space)
    elif (there.name, there.text) != (unit.name, unit.text):
        shown |= dict.fromkeys(("vector", "kept", "said"))  # of other words; the caller sets the new ones
    version = {**content, **unit.version, "unit_id": unit.id, "kind": unit.kind, "seq": seq, "state": State.LIVE.value}
    version |= {"policy_class": policy_class, "tx_from": at, "tx_to": FOREVER}
    if there is None:  # nothing to take away: a third less to send
        shown, version = _given(shown), _given(version)
    return {"id": unit.id, "kind": unit.kind, "at": at, "unit": shown, "version": version}


def _kept(unit: NewUnit, there: Held) -> dict[str, Any]:
    """What people gave a unit, which stays; a time that the source states, or stated, is the source's to change."""
    own = unit.valid_from is not None or there.notes["valid_from"] == there.stated_from
    return {**there.notes, "valid_from": unit.valid_from} if own else there.notes


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _create(tx: Transaction, activity: str, space: str | None, rows: list[dict[str, Any]]) -> None:
    if space is None:
        tx.run("units/create_shared_units", rows=rows, activity=activity)
        return
    made = tx.run("units/create_units", rows=rows, activity=activity, space=space)
    if made[0]["count"] != len(rows):
        raise InvalidArgument("space", space, "a space that is there")
