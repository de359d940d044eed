# SPDX-License-Identifier: Apache-2.0
"""Policy classes, kept at write time: each version bears the key of the class that may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import NotFound
from memwalk.policy._keys import class_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memwalk.store import Transaction

__all__ = ["derived_rights", "ensure_classes", "version_rights"]


def ensure_classes(tx: Transaction, wanted: Iterable[frozenset[str]]) -> dict[frozenset[str], str]:
    """The keys of the classes that need these sets of rights, with their nodes made if they are missing.

    Raises
    ------
    NotFound
        A right is not there: a class that needed fewer would be readable by more.
    """
    keys = {rights: class_of(rights) for rights in wanted}
    if keys:
        rows = [{"key": key, "rights": sorted(rights)} for rights, key in keys.items()]
        rows.sort(key=lambda row: str(row["key"]))
        needs = {row["key"]: row["count"] for row in tx.run("policy/ensure_policy_classes", rows=rows)}
        for rights, key in keys.items():
            if needs[key] != len(rights):
                raise NotFound("right", key)
    return keys


def derived_rights(tx: Transaction, sources: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, frozenset[str]]:
    """The rights that units need for the exact versions they are derived from.

    The versions are locked, so that what is decided on their rights holds until the transaction ends.

    Parameters
    ----------
    tx : Transaction
    sources : mapping
        By unit: (unit id, seq) of each version it is derived from.

    Raises
    ------
    NotFound
        A version is not there, or is readable by evidence and so has no class: derive from its evidence.
    """
    rights = version_rights(tx, {source for versions in sources.values() for source in versions})
    return {unit: frozenset().union(*(rights[version] for version in versions)) for unit, versions in sources.items()}


def version_rights(tx: Transaction, versions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], frozenset[str]]:
    """The rights that versions need, by their classes. They are locked.

    Raises
    ------
    NotFound
        A version is not there, or has no class.
    """
    wanted = sorted(set(versions))
    if not wanted:
        return {}
    rows = tx.run("policy/lock_version_rights", rows=[{"id": unit, "seq": seq} for unit, seq in wanted])
    rights = {(row["id"], row["seq"]): frozenset(row["rights"]) for row in rows}
    for unit, seq in wanted:
        if (unit, seq) not in rights:
            raise NotFound("version with a policy class", f"{unit} {seq}")
    return rights
