# SPDX-License-Identifier: Apache-2.0
"""Publishing: a derived unit lets go of rights of its sources, by an explicit and audited act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound, NotPermitted
from memwalk.policy._grants import require_unit_admin
from memwalk.policy._keys import covers
from memwalk.policy._reclassify import reclassify
from memwalk.policy._rights import is_administrator, lock_policy, rights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.policy._grants import OnUnit
    from memwalk.store import Store, Transaction

__all__ = ["publish", "publish_units", "unpublish"]


def publish(store: Store, actor: str, target: OnUnit) -> tuple[str, ...]:
    """Make a derived unit need its own right alone, and no longer those of its sources.

    Earlier versions let go of the same rights and no more; so will later ones: one that is derived
    from something else needs the right to that, until it is published again. What is derived from
    the unit follows.

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
        The unit is not of a derived kind, or comes from a local-only space and lies in another.
    """

    def work(tx: Transaction) -> tuple[str, ...]:
        lock_policy(tx)
        administers = is_administrator(tx, actor)
        require_unit_admin(tx, actor, target.unit, administers=administers)
        rights = None if administers else rights_of(tx, actor).held["admin"]
        dropped = _droppable(tx, actor, target, rights)
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


def publish_units(tx: Transaction, dropped: dict[str, Sequence[str]], *, derived: Sequence[str]) -> set[str]:
    """Let units go of rights, by unit; returns the ids of all whose class changed. Who may is decided by the caller."""
    held = {row["id"]: row["published"] for row in tx.run("policy/lock_units", ids=sorted(dropped))}
    rows = [{"id": unit, "published": sorted({*held[unit], *rights})} for unit, rights in sorted(dropped.items())]
    tx.run("policy/set_published", rows=rows)
    changed = reclassify(tx, sorted(dropped), derived=derived)
    tx.touch(*dropped)
    tx.tell(reclassified=len(changed))
    return changed


def _droppable(tx: Transaction, actor: str, target: OnUnit, held: frozenset[str] | None) -> tuple[str, ...]:
    """The rights that a unit's head needs beside its own, all of which the actor may let go of."""
    unit = _lock(tx, target.unit)
    if unit["kind"] not in target.derived:
        raise InvalidArgument("unit", target.unit, f"a derived one ({', '.join(target.derived)}); grant on this one")
    needs = {row["right"]: row for row in tx.run("policy/list_class_rights", key=unit["policy_class"])}
    own = needs.pop(unit["right"])
    dropped = tuple(sorted(right for right in needs if not covers(unit["published"], right)))
    for right in dropped:
        if held is not None and right not in held:
            raise NotPermitted(actor, "publish", f"unit {target.unit}: it is derived from units of {right}")
        if needs[right]["local_only"] and not own["local_only"]:
            expected = f"one in a local-only space, as it is derived from units of the local-only {right}"
            raise InvalidArgument("unit", target.unit, expected)
    return dropped


def _lock(tx: Transaction, unit: str) -> dict[str, Any]:
    rows = tx.run("policy/lock_units", ids=[unit])
    if not rows:
        raise NotFound("unit", unit)
    return rows[0]
