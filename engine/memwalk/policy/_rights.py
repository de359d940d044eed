# SPDX-License-Identifier: Apache-2.0
"""Deciding rights, per policy class.

A policy class is the set of rights a unit needs, named by its key: the rights' keys, sorted and
joined by ``+``. A unit of space ``work`` has the class ``space:work``; one derived from units of
``home`` and ``work`` has ``space:home+space:work`` and is readable with both rights only.
Entities and facts have no class: they are readable by those who may read any of their evidence.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from memwalk.errors import NotFound, NotPermitted, UnknownPrincipal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memwalk.store import Store, Transaction

__all__ = [
    "ROLES",
    "class_of",
    "ensure_class",
    "is_administrator",
    "local_only_spaces",
    "now",
    "readable_classes",
    "require_administrator",
    "require_role",
    "spaces_of",
]

ROLES = ("reader", "writer", "admin")
"""Each role includes those before it."""

_RIGHT = "space:"


def now() -> int:
    """The present in ms since the epoch."""
    return time.time_ns() // 1_000_000


def class_of(spaces: Iterable[str]) -> str:
    """The key of the policy class that needs the rights of all these spaces."""
    return "+".join(sorted({_RIGHT + space for space in spaces}))


def spaces_of(policy_class: str) -> list[str]:
    """The spaces a policy class names."""
    return [key.removeprefix(_RIGHT) for key in policy_class.split("+")]


def ensure_class(tx: Transaction, spaces: Iterable[str]) -> str:
    """The key of the class that needs all these spaces, with its nodes made if they are missing."""
    key = class_of(spaces)
    tx.run("policy/ensure_policy_class", key=key, rights=key.split("+"))
    return key


def readable_classes(store: Store, principal: str) -> list[str]:
    """The keys of the policy classes a principal may read now, sorted.

    Raises
    ------
    UnknownPrincipal
    """
    _roles(store, principal, "")
    return [row["key"] for row in store.read("policy/list_readable_classes", principal=principal, at=now())]


def is_administrator(store: Store, principal: str) -> bool:
    """Whether a principal administers the whole store.

    Raises
    ------
    UnknownPrincipal
    """
    return any(role["store"] for role in _roles(store, principal, "")[0])


def require_administrator(store: Store, principal: str, action: str) -> None:
    """Refuse an act that only an administrator of the store may do.

    Raises
    ------
    UnknownPrincipal, NotPermitted
    """
    if not is_administrator(store, principal):
        raise NotPermitted(principal, action, "this store: that is for administrators")


def require_role(store: Store, principal: str, role: str, space: str) -> None:
    """Refuse an act on a space that needs at least `role` there.

    Raises
    ------
    UnknownPrincipal
    NotFound
        There is no such space, or the principal may not read it: the same.
    NotPermitted
        The principal may read the space, but no more.
    """
    roles, exists = _roles(store, principal, space)
    held = [ROLES.index(r["role"]) for r in roles if r["role"] is not None]
    if not exists or not held:
        raise NotFound("space", space)
    if max(held) < ROLES.index(role):
        raise NotPermitted(principal, {"writer": "write to", "admin": "administer"}.get(role, role), f"space {space!r}")


def local_only_spaces(store: Store, classes: list[str]) -> set[str]:
    """The local-only spaces among those a principal may read."""
    return {row["id"] for row in store.read("policy/list_spaces", classes=classes) if row["local_only"]}


def _roles(store: Store, principal: str, space: str) -> tuple[list[dict[str, str]], bool]:
    rows = store.read("policy/list_roles", principal=principal, space=space, at=now())
    if not rows:
        raise UnknownPrincipal(principal)
    return rows[0]["roles"], rows[0]["space_exists"]
