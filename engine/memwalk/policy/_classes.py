# SPDX-License-Identifier: Apache-2.0
"""Policy classes, kept at write time: each version bears the key of the class that may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import NotFound
from memwalk.policy._keys import class_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memwalk.store import Transaction

__all__ = ["derived_rights", "ensure_classes"]


def ensure_classes(tx: Transaction, wanted: Iterable[frozenset[str]]) -> dict[frozenset[str], str]:
    """The keys of the classes that need these sets of rights, with their nodes made if they are missing."""
    keys = {rights: class_of(rights) for rights in wanted}
    if keys:
        rows = [{"key": key, "rights": sorted(rights)} for rights, key in keys.items()]
        tx.run("policy/ensure_policy_classes", rows=sorted(rows, key=lambda row: str(row["key"])))
    return keys


def derived_rights(tx: Transaction, sources: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, frozenset[str]]:
    """The rights that units need for the exact versions they are derived from.

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
    wanted = sorted({source for versions in sources.values() for source in versions})
    rows = tx.run("policy/list_version_rights", rows=[{"id": unit, "seq": seq} for unit, seq in wanted])
    rights = {(row["id"], row["seq"]): frozenset(row["rights"]) for row in rows}
    for unit, seq in wanted:
        if (unit, seq) not in rights:
            raise NotFound("version with a policy class", f"{unit} {seq}")
    return {unit: frozenset().union(*(rights[version] for version in versions)) for unit, versions in sources.items()}
