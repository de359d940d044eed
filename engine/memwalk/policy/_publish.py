# SPDX-License-Identifier: Apache-2.0
"""Publishing: a derived unit lets go of rights of its sources, by an explicit and audited act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound, NotPermitted, WrongState
from memwalk.policy._classes import derived_rights
from memwalk.policy._grants import require_unit_admin
from memwalk.policy._keys import covers
from memwalk.policy._reclassify import reclassify
from memwalk.policy._rights import is_administrator, lock_policy, rights_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.policy._grants import OnUnit
    from memwalk.store import Store, Transaction

__all__ = ["publish", "publish_units", "source_rights", "unpublish"]


def publish(store: Store, actor: str, target: OnUnit) -> tuple[str, ...]:
    """Make a derived unit need its own right alone, and no longer those of its sources.

    A right that is let go of stays so, whoever is denied a source later. Earlier versions let go of
    the same rights and no more; so will later ones: one that is derived from something else needs
    the right to that, until it is published again. What is derived from the unit follows.

    Parameters
    ----------
    store : Store
    actor : str
        Must administer the unit, and every right it lets go of; or the store.
    target : OnUnit

    Returns
    -------
    tuple of str
        The rights let go of now, sorted; empty if there were none left.

    Raises
    ------
    NotFound
        There is no such unit, or `actor` may not read it: the same.
    NotPermitted
    InvalidArgument
        The unit is not of a derived kind.
    WrongState
        It is retired.
    """

    def work(tx: Transaction) -> tuple[str, ...]:
        lock_policy(tx)
        administers = is_administrator(tx, actor)
        require_unit_admin(tx, actor, target.unit, administers=administers)
        dropped = _droppable(tx, actor, target, administers=administers)
        if dropped:
            publish_units(tx, {target.unit: dropped}, derived=target.derived)
            tx.tell(unit=target.unit, dropped=list(dropped))
        return dropped

    return store.write(work, operation="publish", principal=actor)


def unpublish(store: Store, actor: str, target: OnUnit) -> None:
    """Make a published unit need the rights of its sources again; what is derived from it follows.

    Raises
    ------
    NotFound, NotPermitted
    InvalidArgument
        It is not published.
    """

    def work(tx: Transaction) -> None:
        lock_policy(tx)
        require_unit_admin(tx, actor, target.unit, administers=is_administrator(tx, actor))
        held = _lock(tx, target.unit)
        if not held["published"]:
            raise InvalidArgument("unit", target.unit, "one that is published")
        tx.run("policy/set_published", rows=[{"id": target.unit, "published": None}])
        changed = reclassify(tx, [target.unit], derived=target.derived)
        tx.touch(target.unit)
        tx.tell(unit=target.unit, reclassified=len(changed))

    store.write(work, operation="unpublish", principal=actor)


def publish_units(tx: Transaction, dropped: Mapping[str, Sequence[str]], *, derived: Sequence[str]) -> set[str]:
    """Let units go of rights, by unit; returns the ids of all whose class changed. Who may is decided by the caller."""
    held = {row["id"]: row["published"] for row in tx.run("policy/lock_units", ids=sorted(dropped))}
    rows = [{"id": unit, "published": sorted({*held[unit], *rights})} for unit, rights in sorted(dropped.items())]
    tx.run("policy/set_published", rows=rows)
    changed = reclassify(tx, sorted(dropped), derived=derived)
    tx.touch(*dropped)
    tx.tell(reclassified=len(changed))
    return changed


def source_rights(tx: Transaction, units: Sequence[str], *, derived: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The rights that the sources of units' heads need, those left out that the units have let go of; sorted."""
    held = {row["id"]: row for row in tx.run("policy/lock_units", ids=sorted(units))}
    rows = [{"id": unit, "seq": row["seq"]} for unit, row in sorted(held.items())]
    sources = {
        row["id"]: [(source["id"], source["seq"]) for source in row["sources"]]
        for row in tx.run("policy/list_version_sources", rows=rows, derived=list(derived))
    }
    return {
        unit: tuple(sorted(right for right in rights if not covers(held[unit]["published"], right)))
        for unit, rights in derived_rights(tx, sources).items()
    }


def _droppable(tx: Transaction, actor: str, target: OnUnit, *, administers: bool) -> tuple[str, ...]:
    """The rights of its sources that a unit can let go of, all of them the actor's to give."""
    unit = _lock(tx, target.unit)
    if unit["kind"] not in target.derived:
        raise InvalidArgument("unit", target.unit, f"a derived one ({', '.join(target.derived)}); grant on this one")
    if unit["state"] != "live":
        raise WrongState(target.unit, unit["state"], "publish", ("live",))
    dropped = source_rights(tx, [target.unit], derived=target.derived)[target.unit]
    held = rights_of(tx, actor)
    for right in dropped:
        if not (administers or held.allows("admin", right)):
            raise NotPermitted(actor, "publish", f"unit {target.unit}: it is derived from units of {right}")
    return dropped


def _lock(tx: Transaction, unit: str) -> dict[str, Any]:
    rows = tx.run("policy/lock_units", ids=[unit])
    if not rows:
        raise NotFound("unit", unit)
    return rows[0]
