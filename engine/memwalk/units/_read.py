# SPDX-License-Identifier: Apache-2.0
"""Reading units: only ever those of readable policy classes.

At a past system time (`at`) a unit is what its version of then says, and evidence is that of then; rights
are always those of now, decided on that version's policy class, so that what may no longer be read does
not come back by asking for the past. A write shows under the time it began at, so a past time
is settled once the writes that had begun by then have ended. In world time (`valid_at`) a unit is there while
what that version says holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound
from memwalk.store import FOREVER
from memwalk.units._kinds import KINDS, Readable
from memwalk.units._states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.store import Reader

__all__ = [
    "Unit",
    "UnitRef",
    "check_time",
    "find_unit",
    "get_unit",
    "get_units",
    "get_version",
    "list_history",
    "list_units",
]

PAGE = 100
LONGEST_PAGE = 10_000
_PREFIX = 6
_SHOWN = ("payload", "fingerprint", "tokens", "bytes")
"""What a unit shows of what its version alone bears."""
_EARLIEST, _LATEST = -(2**62), 2**62


@dataclass(frozen=True, slots=True)
class UnitRef:
    """An exact version of a unit."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as one of its versions says it is."""

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
    state: str = State.LIVE.value
    since: int | None = None
    """System time from which this version is so (ms); None where that would tell of evidence one may not read."""

    @property
    def ref(self) -> UnitRef:
        """The version this is."""
        return UnitRef(self.id, self.seq)


def get_units(
    reader: Reader,
    classes: Sequence[str],
    ids: Sequence[str],
    *,
    retired: bool = False,
    at: int | None = None,
    valid_at: int | None = None,
) -> dict[str, Unit]:
    """The readable ones among these units, by id.

    Parameters
    ----------
    reader : Reader
    classes : sequence of str
        Keys of the policy classes that may be read now.
    ids : sequence of str
    retired : bool
        Retired ones too.
    at : int, optional
        System time (ms): as they were then. None: now.
    valid_at : int, optional
        World time (ms): only what holds then.

    Raises
    ------
    InvalidArgument
        A time that is none.
    """
    check_time("at", at)
    check_time("valid_at", valid_at)
    wanted = {"ids": list(dict.fromkeys(ids)), "classes": list(classes), "states": _states(None if retired else "live")}
    if at is None:
        rows = reader.read("units/get_units", **wanted, valid_at=valid_at, forever=FOREVER)
    else:
        rows = reader.read("units/get_units_at", **wanted, valid_at=valid_at, at=at)
    return {row["version"]["unit_id"]: unit_of_row(row) for row in rows}


def get_unit(
    reader: Reader,
    classes: Sequence[str],
    unit_id: str,
    *,
    retired: bool = False,
    at: int | None = None,
    valid_at: int | None = None,
) -> Unit:
    """One readable unit; the parameters are those of `get_units`.

    Raises
    ------
    NotFound
        There is none, or it may not be read.
    InvalidArgument
    """
    found = get_units(reader, classes, [unit_id], retired=retired, at=at, valid_at=valid_at)
    if not found:
        raise NotFound("unit", unit_id)
    return found[unit_id]


def list_units(
    reader: Reader,
    classes: Sequence[str],
    *,
    space: str | None = None,
    kind: str | None = None,
    tags: Sequence[str] = (),
    state: str | None = State.LIVE.value,
    at: int | None = None,
    valid_at: int | None = None,
    limit: int = PAGE,
    after: str = "",
) -> list[Unit]:
    """A page of the readable units, in the order of their ids.

    Parameters
    ----------
    reader : Reader
    classes : sequence of str
        Keys of the policy classes that may be read now.
    space : str, optional
        Of this space alone; entities and facts belong to none.
    kind : str, optional
        Of this kind alone.
    tags : sequence of str
        With all of these tags.
    state : str, optional
        ``live`` or ``retired``; None: both.
    at : int, optional
        System time (ms): as they were then. None: now.
    valid_at : int, optional
        World time (ms): only what holds then.
    limit : int
        Most units of the page.
    after : str
        The id of the last unit of the page before; empty for the first page.

    Raises
    ------
    InvalidArgument
        A kind, state, time or limit that is none.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidArgument("kind", kind, " or ".join(sorted(KINDS)))
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidArgument("limit", limit, f"1 to {LONGEST_PAGE}")
    check_time("at", at)
    check_time("valid_at", valid_at)
    page: dict[str, Any] = {"classes": list(classes), "kind": kind, "after": after, "limit": limit}
    wanted = {**page, "space": space, "tags": list(tags), "states": _states(state), "valid_at": valid_at}
    if at is not None:
        return [unit_of_row(row) for row in reader.read("units/list_units_at", **wanted, at=at)]
    rows = reader.read("units/list_units", **wanted)
    shared = kind is None or KINDS[kind].readable is Readable.ANY_EVIDENCE
    if shared and space is None and not tags and state != State.RETIRED:
        rows += reader.read("units/list_shared_units", **page, forever=FOREVER)
    return sorted((unit_of_row(row) for row in rows), key=lambda unit: unit.id)[:limit]


def find_unit(reader: Reader, classes: Sequence[str], reference: str, *, retired: bool = False) -> Unit:
    """The readable unit that a person means: by id, by the beginning of one (6 characters or more), or by name.

    Parameters
    ----------
    reader : Reader
    classes : sequence of str
    reference : str
    retired : bool
        Retired ones too; a live one of that name is meant first.

    Raises
    ------
    NotFound
        None such, or none that may be read.
    InvalidArgument
        Several such.
    """
    for states in ([State.LIVE.value], [State.RETIRED.value])[: 2 if retired else 1]:
        ids = _find(reader, classes, reference, states)
        if len(ids) > 1:
            raise InvalidArgument("unit", reference, f"one unit; these begin or are named so: {', '.join(ids)}")
        if ids:
            return get_unit(reader, classes, ids[0], retired=retired)
    raise NotFound("unit", reference)


def list_history(reader: Reader, classes: Sequence[str], unit_id: str) -> list[dict[str, Any]]:
    """The readable versions of a readable unit, retired or not, newest first.

    Each with its times, what made it, on whose behalf, and the readable versions it was derived from.
    An entity or fact has one content, its identity: when it came and went, and by whom, would tell of
    evidence one may not read, so it shows its one version alone.

    Raises
    ------
    NotFound
    """
    unit = get_unit(reader, classes, unit_id, retired=True)
    if KINDS[unit.kind].readable is Readable.ANY_EVIDENCE:
        hidden = ("at", "until", "content_hash", "valid_from", "valid_to", "activity", "principal")
        return [{"seq": unit.seq, "state": "live", **dict.fromkeys(hidden), "sources": []}]
    return reader.read("units/list_history", id=unit_id, classes=list(classes))


def get_version(reader: Reader, classes: Sequence[str], unit_id: str, seq: int) -> Unit:
    """A readable unit as one of its readable versions says it was.

    Raises
    ------
    NotFound
        The unit or the version is not there, or may not be read.
    """
    unit = get_unit(reader, classes, unit_id, retired=True)
    if unit.seq == seq:
        return unit
    for row in reader.read("units/list_versions", rows=[{"id": unit_id, "seq": seq}]):
        if row["version"].get("policy_class") in classes:
            return unit_of_row({"space": unit.space, "version": row["version"]})
    raise NotFound(f"version {seq} of unit", unit_id)


def unit_of_row(row: Mapping[str, Any]) -> Unit:
    """A unit from its space and the properties of a version."""
    version = row["version"]
    kind = KINDS[version["kind"]]
    shared = kind.readable is Readable.ANY_EVIDENCE
    shown = {name: version.get(name) for name in kind.properties}
    return Unit(
        id=version["unit_id"],
        kind=kind.label,
        space=row["space"],
        # How often an entity came and went tells of evidence one may not read; so does when.
        seq=1 if shared else version["seq"],
        name=version["name"],
        text=version["text"],
        policy_class=version.get("policy_class"),
        properties=shown | {name: version[name] for name in _SHOWN if version.get(name) is not None},
        tags=tuple(version.get("tags") or ()),
        metadata=json.loads(version.get("metadata") or "{}"),
        valid_from=version.get("valid_from"),
        valid_to=version.get("valid_to"),
        state=version["state"],
        since=None if shared else version["tx_from"],
    )


def _find(reader: Reader, classes: Sequence[str], reference: str, states: list[str]) -> list[str]:
    wanted = {"classes": list(classes), "states": states, "forever": FOREVER}
    if len(reference) >= _PREFIX:
        rows = reader.read("units/find_units", prefix=reference.lower(), **wanted)
        if rows:
            return [row["id"] for row in rows]
    phrase = '"' + reference.replace("\\", " ").replace('"', " ") + '"'
    if not phrase.strip('" '):
        return []
    rows = reader.read("units/find_named_units", phrase=phrase, name=reference, **wanted)
    return [row["id"] for row in rows if row["kind"] == rows[0]["kind"]]


def _states(state: str | None) -> list[str]:
    known = [State.LIVE.value, State.RETIRED.value]
    if state is not None and state not in known:
        raise InvalidArgument("state", state, " or ".join(known))
    return known if state is None else [str(state)]


def check_time(name: str, value: int | None) -> None:
    """Refuse what is no time.

    Raises
    ------
    InvalidArgument
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not _EARLIEST < value < _LATEST):
        raise InvalidArgument(name, value, "a time in ms since the epoch")
