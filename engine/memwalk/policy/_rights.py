# SPDX-License-Identifier: Apache-2.0
"""Deciding rights, per policy class.

A *right* is what grants and denials reach: a space, or one unit of it once that has grants or denials
of its own (these, and those on its space, reach it). A *policy class* is a set of rights, all of them
needed: a unit of space ``work`` has the class ``space:work``; one derived from units of ``home`` and
``work`` has ``space:home+space:work``. Entities and facts have no class: they are readable by those who
may read any of their evidence.

A principal holds a role on a right if it or a group it is in was granted that role, or one that
includes it, on anything the right is reached by, and nobody of these was denied that role or one it
includes. Rights are decided by the windows of grants and denials at one time; what was readable once
and is no longer is not readable *as of* then either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import NotFound, NotPermitted, UnknownPrincipal
from memwalk.policy._keys import right_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from memwalk.store import Reader, Transaction

__all__ = [
    "ROLES",
    "Rights",
    "is_administrator",
    "lock_policy",
    "now",
    "readable_classes",
    "readable_mask",
    "require_administrator",
    "require_role",
    "require_unit_role",
    "rights_of",
]

ROLES = ("reader", "writer", "admin")
"""Each role includes those before it."""

_ACTS = {"reader": "read", "writer": "write to", "admin": "administer"}


@dataclass(frozen=True, slots=True)
class Rights:
    """What a principal holds at a time."""

    principal: str
    held: Mapping[str, frozenset[str]]
    """Keys of the rights, by role."""
    administers: bool
    """An administrator of the store: creates spaces and principals, grants and revokes anywhere."""

    def allows(self, role: str, right: str) -> bool:
        """Whether the principal holds a role on a right."""
        return right in self.held[role]


def now() -> int:
    """The present in ms since the epoch."""
    return time.time_ns() // 1_000_000


def lock_policy(tx: Transaction) -> None:
    """Wait for other writers of principals, spaces, grants and classes, so that rights are decided on what is so.

    Writers of units do not wait: they lock what they read of the classes they build on.
    """
    tx.run("policy/lock_policy")


def rights_of(reader: Reader, principal: str, at: int | None = None) -> Rights:
    """The rights a principal holds at a time (ms; None: now), by role.

    Raises
    ------
    UnknownPrincipal
    """
    rows = reader.read("policy/list_rights", principal=principal, at=now() if at is None else at)
    if not rows:
        raise UnknownPrincipal(principal)
    held: dict[str, set[str]] = {role: set() for role in ROLES}
    for row in rows:
        if row["right"] is None:
            continue
        granted = max((ROLES.index(role) for role in row["granted"]), default=-1)
        denied = min((ROLES.index(role) for role in row["denied"]), default=len(ROLES))
        for role in ROLES[: min(granted + 1, denied)]:
            held[role].add(row["right"])
    administers = bool(rows[0]["administers"])
    return Rights(principal, {role: frozenset(keys) for role, keys in held.items()}, administers)


def readable_classes(reader: Reader, principal: str, at: int | None = None) -> list[str]:
    """The keys of the policy classes a principal may read at a time (ms; None: now), sorted.

    Its cost is by grants, rights and classes; units are never looked at.

    Raises
    ------
    UnknownPrincipal
    """
    rows = reader.read("policy/list_readable_classes", principal=principal, at=now() if at is None else at)
    if not rows:
        raise UnknownPrincipal(principal)
    return list(rows[0]["keys"])


def readable_mask(reader: Reader, principal: str, classes: Sequence[str], at: int | None = None) -> NDArray[np.bool_]:
    """Which of these policy classes a principal may read, as a mask.

    Parameters
    ----------
    reader : Reader
    principal : str
    classes : sequence of str
        Keys of interned classes, in their order; indexing the mask by units' class numbers masks units.
    at : int, optional
        ms; None: now.

    Returns
    -------
    bool [classes]

    Raises
    ------
    UnknownPrincipal
    """
    import numpy as np

    readable = set(readable_classes(reader, principal, at))
    return np.fromiter((key in readable for key in classes), dtype=np.bool_, count=len(classes))


def is_administrator(reader: Reader, principal: str) -> bool:
    """Whether a principal administers the whole store.

    Raises
    ------
    UnknownPrincipal
    """
    rows = reader.read("policy/get_administrator", principal=principal, at=now())
    if not rows:
        raise UnknownPrincipal(principal)
    return bool(rows[0]["administers"])


def require_administrator(reader: Reader, principal: str, action: str) -> None:
    """Refuse an act that only an administrator of the store may do.

    Raises
    ------
    UnknownPrincipal, NotPermitted
    """
    if not is_administrator(reader, principal):
        raise NotPermitted(principal, action, "this store: that is for administrators")


def require_role(reader: Reader, principal: str, role: str, space: str) -> None:
    """Refuse an act on a space that needs at least `role` there.

    Raises
    ------
    UnknownPrincipal
    NotFound
        There is no such space, or the principal may not read it: the same.
    NotPermitted
        The principal may read the space, but no more.
    """
    rights, right = rights_of(reader, principal), right_of(space)
    if not rights.allows("reader", right):
        raise NotFound("space", space)
    if not rights.allows(role, right):
        raise NotPermitted(principal, _ACTS[role], f"space {space!r}")


def require_unit_role(reader: Reader, principal: str, role: str, ids: Sequence[str]) -> None:
    """Refuse an act on units that needs at least `role` on each.

    Units readable by evidence are what passages say; nobody has a role beyond reading on them.

    Raises
    ------
    UnknownPrincipal
    NotFound
        A unit is not there, or may not be read: the same.
    NotPermitted
        A unit may be read, but no more.
    """
    rights = rights_of(reader, principal)
    classes = readable_classes(reader, principal)
    found = {row["id"]: row["right"] for row in reader.read("policy/list_unit_rights", ids=list(ids), classes=classes)}
    for unit in ids:
        if unit not in found:
            raise NotFound("unit", unit)
        right = found[unit]
        if role != "reader" and (right is None or not rights.allows(role, right)):
            raise NotPermitted(principal, _ACTS[role], f"unit {unit}")
