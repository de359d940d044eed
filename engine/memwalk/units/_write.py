# SPDX-License-Identifier: Apache-2.0
"""Writing units, inside a transaction that the caller holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memwalk._version import __version__
from memwalk.errors import InvalidArgument
from memwalk.store import FOREVER
from memwalk.units._identity import content_hash, new_id
from memwalk.units._kinds import KINDS, Readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memwalk.store import Transaction

__all__ = ["AGENT", "NewUnit", "put_units", "record_activity", "retire_units"]

AGENT = f"memwalk/{__version__}"
"""The software agent that acts for principals."""


@dataclass(frozen=True, slots=True)
class NewUnit:
    """What a unit shall say. `policy_class` is None for kinds readable by evidence."""

    id: str
    kind: str
    name: str
    text: str
    space: str | None = None
    policy_class: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    version: Mapping[str, object] = field(default_factory=dict)
    """Properties of the version alone: payload, fingerprint, tokens, …"""
    derived_from: tuple[tuple[str, int], ...] = ()
    """(unit id, seq) of each exact version this one is made from."""

    def hash(self) -> str:
        """What tells whether a new version is due.

        For what is derived from all its sources the exact source versions count; a passage of a
        document that changed elsewhere stays the version it is.
        """
        derived = KINDS[self.kind].readable is Readable.ALL_SOURCES
        version = {**self.version, "from": self.derived_from if derived else ()}
        return content_hash(self.name, self.text, self.properties, version)

    def row(self) -> dict[str, object]:
        """The unit as a parameter of `units/put_units`."""
        unknown = self.properties.keys() - set(KINDS[self.kind].properties)
        if unknown:
            raise InvalidArgument("properties", sorted(unknown), f"those of {self.kind}: {KINDS[self.kind].properties}")
        return {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "text": self.text,
            "space": self.space,
            "policy_class": self.policy_class,
            "properties": dict(self.properties),
            "version": dict(self.version),
            "content_hash": self.hash(),
        }


def record_activity(tx: Transaction, principal: str, name: str, detail: str = "") -> str:
    """Record what is being done and on whose behalf; returns the activity's id."""
    activity = new_id()
    tx.run(
        "units/create_activity",
        id=activity,
        name=name,
        detail=detail,
        at=tx.at,
        agent=AGENT,
        principal=principal,
    )
    return activity


def put_units(tx: Transaction, activity: str, units: Iterable[NewUnit]) -> dict[str, int]:
    """Create, revive or update units by content.

    A unit that already says the same is left alone.

    Returns
    -------
    dict
        The new head's number of each unit that changed, by id.
    """
    ordered = sorted(units, key=lambda unit: unit.id)
    if not ordered:
        return {}
    rows = tx.run("units/put_units", rows=[u.row() for u in ordered], activity=activity, at=tx.at, forever=FOREVER)
    changed = {row["id"]: int(row["seq"]) for row in rows}
    derivations = [
        {"id": unit.id, "seq": changed[unit.id], "source": source, "source_seq": seq}
        for unit in ordered
        if unit.id in changed
        for source, seq in unit.derived_from
    ]
    if derivations:
        tx.run("units/create_derivations", rows=derivations)
    tx.touch(*changed)
    return changed


def retire_units(tx: Transaction, activity: str, ids: Sequence[str]) -> list[str]:
    """Retire units, and the entities and facts that lose their last evidence with them.

    Returns
    -------
    list of str
        The ids of all that were retired.
    """
    retired = _retire(tx, activity, ids)
    return retired + _retire(tx, activity, [r["id"] for r in tx.run("units/list_unevidenced", ids=retired, at=tx.at)])


def _retire(tx: Transaction, activity: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    rows = tx.run("units/retire_units", ids=sorted(ids), activity=activity, at=tx.at, forever=FOREVER)
    retired = [row["id"] for row in rows]
    tx.touch(*retired)
    return retired
