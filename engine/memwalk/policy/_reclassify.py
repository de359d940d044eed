# SPDX-License-Identifier: Apache-2.0
"""Own rights of single units, and what follows for the classes of all that is derived from them.

A unit needs the right to its space until it is first granted or denied to somebody by itself; from then
on its own. The class of a version follows from its unit's right and the classes of the versions it is
derived from; so when a right changes, the classes of the unit's versions and of all versions derived
from these, directly or not, are worked out anew, sources first.

Writers of units lock the source versions whose classes they read (`derived_rights`), and here versions
are locked before it is asked what is derived from them: so either the writer's new version is found, or
the writer waits and finds the new class.
"""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from memwalk.policy._classes import ensure_classes, version_rights
from memwalk.policy._keys import covers, right_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memwalk.store import Transaction

    Version = tuple[str, int]

__all__ = ["give_own_rights", "reclassify"]


def give_own_rights(tx: Transaction, units: Iterable[str], *, derived: Sequence[str]) -> set[str]:
    """Give units rights of their own, those that have none yet; returns the ids of all whose class changed.

    Parameters
    ----------
    tx : Transaction
    units : iterable of str
        Ids of units of spaces.
    derived : sequence of str
        Kinds that need all their sources.
    """
    rows = tx.run("policy/lock_units", ids=sorted(set(units)))
    new = [
        {"id": row["id"], "right": right_of(row["space"], row["id"])}
        for row in rows
        if row["right"] != right_of(row["space"], row["id"])
    ]
    if not new:
        return set()
    tx.run("policy/create_unit_rights", rows=new)
    return reclassify(tx, [str(row["id"]) for row in new], derived=derived)


def reclassify(tx: Transaction, units: Sequence[str], *, derived: Sequence[str]) -> set[str]:
    """Work out the classes of these units' versions, and of what is derived from them; returns the units that changed.

    They are touched, so that those who follow the change sequence read them again.
    """
    affected = _lock_affected(tx, units, derived)
    rows = tx.run("policy/list_version_sources", rows=_rows(affected), derived=list(derived))
    found = {(row["id"], row["seq"]): row for row in rows}
    sources = {version: [(s["id"], s["seq"]) for s in row["sources"]] for version, row in found.items()}
    outside = {source for of in sources.values() for source in of} - found.keys()
    rights = dict(version_rights(tx, outside))
    for version in TopologicalSorter(sources).static_order():
        if version in rights:
            continue
        row = found[version]
        needed = frozenset().union(*(rights[source] for source in sources[version]))
        kept = {right for right in needed if not covers(row["published"], right)}
        rights[version] = frozenset({row["right"]}) | kept
    keys = ensure_classes(tx, {rights[version] for version in found})
    changed = [
        {"id": unit, "seq": seq, "key": keys[rights[unit, seq]]}
        for (unit, seq), row in sorted(found.items())
        if row["policy_class"] != keys[rights[unit, seq]]
    ]
    if changed:
        tx.run("policy/set_version_classes", rows=changed)
    ids = {str(row["id"]) for row in changed}
    tx.touch(*ids)
    return ids


def _lock_affected(tx: Transaction, units: Sequence[str], derived: Sequence[str]) -> set[Version]:
    """All versions of these units and all derived from them, locked level by level."""
    rows = tx.run("policy/lock_unit_versions", ids=sorted(units))
    level = {(row["id"], row["seq"]) for row in rows}
    affected = set(level)
    while level:
        rows = tx.run("policy/lock_derived_versions", rows=_rows(level), derived=list(derived))
        level = {(row["id"], row["seq"]) for row in rows} - affected
        affected |= level
    return affected


def _rows(versions: Iterable[Version]) -> list[dict[str, object]]:
    return [{"id": unit, "seq": seq} for unit, seq in sorted(versions)]
