# SPDX-License-Identifier: Apache-2.0
"""What principals do to units: roles checked, written and recorded in the transaction that the caller holds.

Each act takes a batch: all of it is written or none. What needs a model (vectors, the entities and facts
of a passage) the caller prepares before the transaction, and writes through `fill` inside it, when the new
versions are there and before what is left without evidence goes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound
from memwalk.store import FOREVER
from memwalk.units._draft import EDITABLE, draft_with, source_of
from memwalk.units._edit import revert_units, update_units
from memwalk.units._read import UnitRef
from memwalk.units._states import State, check_transition
from memwalk.units._write import lock_units, put_units, record_activity, retire_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memwalk.store import Transaction
    from memwalk.units._draft import Draft
    from memwalk.units._edit import UnitChange, UnitRevert
    from memwalk.units._write import Held

    Fill = Callable[[Transaction, str, dict[str, int]], None]
    """Gets the activity and the new versions' numbers by unit."""

__all__ = ["change_units", "forget_units", "restore_units", "write_drafts"]


def write_drafts(tx: Transaction, drafts: Sequence[Draft], fill: Fill | None = None) -> list[UnitRef]:
    """Add units that the transaction's principal wrote.

    Returns
    -------
    list of UnitRef
        The heads, in the order of the drafts; of those that were there as they are too.

    Raises
    ------
    NotFound
        A space or a source is not there, or may not be read.
    NotPermitted
        The principal is no writer of a space, or of a unit that it added before under the same key.
    InvalidArgument
    """
    ids = [draft.unit.id for draft in drafts]
    if len(set(ids)) != len(ids):
        raise InvalidArgument("key", ids, "each key once in a batch")
    for space in sorted({draft.unit.space or "" for draft in drafts}):
        policy.require_role(tx, tx.principal, "writer", space)
    known = [row["id"] for row in tx.run("units/list_states", ids=ids)]
    policy.require_unit_role(tx, tx.principal, "writer", known)
    sources = _resolve(tx, (source for draft in drafts for source in draft.sources))
    units = [draft_with(draft, [sources[source] for source in draft.sources]) for draft in drafts]
    activity = record_activity(tx, tx.principal, "add")
    written = put_units(tx, activity, units)
    if fill and written:
        fill(tx, activity, written)
    tx.tell(spaces=sorted({unit.space for unit in units if unit.space}), units=len(written))
    heads = {row["id"]: row["seq"] for row in tx.run("units/list_states", ids=ids)}
    return [UnitRef(unit, heads[unit]) for unit in ids]


def change_units(tx: Transaction, changes: Sequence[UnitChange], fill: Fill | None = None) -> list[UnitRef]:
    """Change units on behalf of the transaction's principal, each if it still is at the version it had read.

    Returns
    -------
    list of UnitRef
        The heads, in the order of the changes.

    Raises
    ------
    NotFound, NotPermitted, StaleVersion, WrongState, InvalidArgument
    """
    ids = [change.id for change in changes]
    policy.require_unit_role(tx, tx.principal, "writer", ids)
    held = lock_units(tx, ids)
    sources = _resolve(tx, (source_of(s) for change in changes for s in change.set.get("derived_from", ())))
    due = []
    for change in changes:
        _check_editable(held[change.id], change)
        values = dict(change.set)
        if "derived_from" in values:
            values["derived_from"] = tuple(sources[source_of(source)] for source in values["derived_from"])
        due.append(replace(change, set=values))
    activity = record_activity(tx, tx.principal, "update")
    heads = update_units(tx, activity, due)
    _follow_up(tx, activity, held, heads, fill)
    return [UnitRef(unit, heads[unit]) for unit in ids]


def restore_units(tx: Transaction, reverts: Sequence[UnitRevert], fill: Fill | None = None) -> list[UnitRef]:
    """Make units say what readable versions of them said, on behalf of the transaction's principal.

    Returns
    -------
    list of UnitRef
        The new heads, in the order of the reverts.

    Raises
    ------
    NotFound, NotPermitted, StaleVersion, WrongState, InvalidArgument
    """
    ids = [revert.id for revert in reverts]
    policy.require_unit_role(tx, tx.principal, "writer", ids)
    wanted: list[tuple[str, int | None]] = [(revert.id, revert.to) for revert in reverts]
    readable = _readable(tx, wanted)
    for unit, seq in wanted:
        if (unit, seq) not in readable:
            raise NotFound(f"version {seq} of unit", unit)
    held = lock_units(tx, ids)
    activity = record_activity(tx, tx.principal, "revert")
    heads = revert_units(tx, activity, reverts)
    _follow_up(tx, activity, held, heads, fill)
    return [UnitRef(unit, heads[unit]) for unit in ids]


def forget_units(tx: Transaction, ids: Sequence[str]) -> list[str]:
    """Retire units on behalf of the transaction's principal.

    A document takes its passages along, a conversation its messages, and entities and facts go with
    the last evidence for them.

    Returns
    -------
    list of str
        Those units and their parts, sorted; what went for want of evidence is not told.

    Raises
    ------
    NotFound, NotPermitted, WrongState
    """
    policy.require_unit_role(tx, tx.principal, "writer", ids)
    held = lock_units(tx, ids)
    for unit in held.values():
        check_transition("forget", unit.id, unit.state)
    parts = [row["id"] for row in tx.run("units/list_parts", ids=sorted(held), forever=FOREVER)]
    activity = record_activity(tx, tx.principal, "forget")
    going = sorted({*held, *parts})
    retire_units(tx, activity, going)
    tx.tell(units=len(going))
    return going


def _check_editable(held: Held, change: UnitChange) -> None:
    allowed = EDITABLE[held.kind]
    for name in sorted(change.set):
        if name not in allowed:
            raise InvalidArgument("change", name, f"what may be changed of a {held.kind}: {', '.join(sorted(allowed))}")
    text = change.set.get("text")
    if isinstance(text, str) and not text.strip():
        raise InvalidArgument("text", text, "what the unit says; `forget` retires it")
    if held.kind == "Summary" and not change.set.get("derived_from", (True,)):
        raise InvalidArgument("derived_from", [], "the units that it is a summary of")


def _follow_up(tx: Transaction, activity: str, held: dict[str, Held], heads: dict[str, int], fill: Fill | None) -> None:
    """What new versions of existing units bring with them."""
    written = {unit: seq for unit, seq in sorted(heads.items()) if seq != held[unit].seq}
    now = {row["id"]: row["version"] for row in _versions(tx, written)}
    passages = [unit for unit in written if held[unit].kind == "Passage"]
    said = {unit: (version["name"], version["text"]) for unit, version in now.items()}
    same = [
        unit for unit in passages if held[unit].state == State.LIVE and said[unit] == (held[unit].name, held[unit].text)
    ]
    span = {"at": tx.at, "forever": FOREVER}
    tx.run("units/carry_evidence", rows=[{"id": unit, "seq": written[unit]} for unit in same], **span)
    other = [{"id": unit, "seq": written[unit]} for unit in passages if unit not in same]
    tx.run("units/end_passage_edges", rows=other, **span)
    if fill and written:
        fill(tx, activity, written)
    loose = tx.run("units/list_unevidenced", ids=[row["id"] for row in other], forever=FOREVER)
    retire_units(tx, activity, [row["id"] for row in loose])
    tx.tell(units=len(written))


def _versions(tx: Transaction, heads: dict[str, int]) -> list[dict[str, Any]]:
    return tx.run("units/list_versions", rows=[{"id": unit, "seq": seq} for unit, seq in heads.items()])


def _readable(
    tx: Transaction, wanted: Iterable[tuple[str, int | None]]
) -> dict[tuple[str, int | None], tuple[int, str]]:
    """Number and state of the versions that the principal may read, by what was asked for."""
    classes = policy.readable_classes(tx, tx.principal)
    rows = [{"id": unit, "seq": seq} for unit, seq in dict.fromkeys(wanted)]
    found = tx.run("units/list_sources", rows=rows, classes=classes)
    return {(row["id"], row["asked"]): (row["seq"], row["state"]) for row in found}


def _resolve(
    tx: Transaction, wanted: Iterable[tuple[str, int | None]]
) -> dict[tuple[str, int | None], tuple[str, int]]:
    """The exact versions to be derived from.

    Raises
    ------
    NotFound
        One is not there or may not be read, or is an entity's or fact's: derive from their evidence.
    InvalidArgument
        One is a tombstone.
    """
    asked = list(dict.fromkeys(wanted))
    found = _readable(tx, asked)
    for unit, number in asked:
        if (unit, number) not in found:
            raise NotFound("unit to derive from", unit if number is None else f"{unit}@{number}")
        if found[unit, number][1] != State.LIVE:
            raise InvalidArgument("derived_from", unit, "a version with content: this is a tombstone")
    return {(unit, number): (unit, found[unit, number][0]) for unit, number in asked}
