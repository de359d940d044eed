# SPDX-License-Identifier: Apache-2.0
"""Principals, spaces and grants, each written in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import AlreadyExists, InvalidArgument, NotFound
from memwalk.policy._keys import right_of
from memwalk.policy._rights import (
    ROLES,
    is_administrator,
    now,
    require_administrator,
    require_role,
    rights_of,
)
from memwalk.store import FOREVER

if TYPE_CHECKING:
    from memwalk.store import Store, Transaction

__all__ = [
    "Grant",
    "Principal",
    "Space",
    "create_principal",
    "create_space",
    "get_space",
    "grant",
    "list_grants",
    "list_principals",
    "list_spaces",
    "revoke",
    "set_owner",
]

_NAME = re.compile(r"[\w][\w.@-]{0,63}")
_KINDS = ("user", "group", "agent")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user, a group or an agent, with the groups it is a member of."""

    id: str
    kind: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """A container of units; nothing of a local-only one is sent to a remote model."""

    id: str
    local_only: bool = False
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held by a principal on a space; `space` None is the whole store. Times in ms."""

    principal: str
    role: str
    space: str | None
    since: int
    until: int


def set_owner(store: Store, principal: str) -> None:
    """Make a principal the first administrator of a new store."""
    _check_name("principal", principal)

    def work(tx: Transaction) -> None:
        tx.run("policy/ensure_principal", id=principal, at=tx.at)
        tx.run("policy/create_store_grant", principal=principal, **{"from": tx.at}, until=FOREVER)
        tx.touch(principal)

    store.write(work, operation="own", principal=principal)


def create_principal(
    store: Store, actor: str, principal: str, *, kind: str = "user", groups: tuple[str, ...] = ()
) -> Principal:
    """Create a user, group or agent, a member of some groups.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    AlreadyExists, InvalidArgument, NotFound
    """
    require_administrator(store, actor, "create principals in")
    _check_name("principal", principal)
    if kind not in _KINDS:
        raise InvalidArgument("kind", kind, " or ".join(_KINDS))

    known = {p.id: p for p in list_principals(store, actor)}
    if principal in known:
        raise AlreadyExists("principal", principal)
    for group in groups:
        if group not in known or known[group].kind != "group":
            raise NotFound("group", group)

    def work(tx: Transaction) -> None:
        tx.run("policy/create_principal", id=principal, kind=kind, at=tx.at)
        for group in groups:
            tx.run("policy/create_membership", member=principal, group=group)
        tx.touch(principal, *groups)

    store.write(work, operation="create principal", principal=actor)
    return Principal(principal, kind, tuple(sorted(groups)))


def list_principals(store: Store, actor: str) -> list[Principal]:
    """All principals, for administrators.

    Raises
    ------
    NotPermitted
    """
    require_administrator(store, actor, "list the principals of")
    return [Principal(r["id"], r["kind"], tuple(r["groups"])) for r in store.read("policy/list_principals")]


def create_space(store: Store, actor: str, space: str, *, local_only: bool = False) -> Space:
    """Create a space.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    AlreadyExists, InvalidArgument
    """
    require_administrator(store, actor, "create spaces in")
    _check_name("space", space)
    if store.read("policy/get_space", id=space):
        raise AlreadyExists("space", space)

    def work(tx: Transaction) -> None:
        tx.run("policy/create_space", id=space, local_only=local_only, right=right_of(space), at=tx.at)
        tx.touch(space)

    store.write(work, operation="create space", principal=actor)
    return Space(space, local_only)


def list_spaces(store: Store, classes: list[str]) -> list[Space]:
    """The spaces that these readable classes show, with their numbers of documents."""
    return [Space(r["id"], r["local_only"], r["documents"]) for r in store.read("policy/list_spaces", classes=classes)]


def get_space(store: Store, classes: list[str], space: str) -> Space:
    """One readable space.

    Raises
    ------
    NotFound
    """
    for found in list_spaces(store, classes):
        if found.id == space:
            return found
    raise NotFound("space", space)


def grant(store: Store, actor: str, principal: str, role: str, space: str, *, until: int = FOREVER) -> None:
    """Give a principal a role on a space, from now until a time (ms).

    An administrator of the store who names a principal or space that is not there yet creates it.

    Raises
    ------
    NotFound, NotPermitted
        `actor` does not administer the space.
    UnknownPrincipal, InvalidArgument
    """
    if role not in ROLES:
        raise InvalidArgument("role", role, " or ".join(ROLES))
    if until <= now():
        raise InvalidArgument("until", until, "a time to come (ms)")
    _check_name("principal", principal)
    if is_administrator(store, actor):
        if not store.read("policy/get_space", id=space):
            create_space(store, actor, space)
    else:
        require_role(store, actor, "admin", space)
        rights_of(store, principal)

    def work(tx: Transaction) -> None:
        tx.run("policy/ensure_principal", id=principal, at=tx.at)
        tx.run(
            "policy/create_space_grant",
            principal=principal,
            space=space,
            role=role,
            **{"from": tx.at},
            until=until,
        )
        tx.touch(principal, space)

    store.write(work, operation="grant", principal=actor)


def revoke(store: Store, actor: str, principal: str, space: str) -> int:
    """End all of a principal's own grants on a space; returns how many ran.

    Raises
    ------
    NotFound, NotPermitted, UnknownPrincipal
    """
    require_role(store, actor, "admin", space)

    def work(tx: Transaction) -> int:
        tx.touch(principal, space)
        return int(tx.run("policy/end_space_grants", principal=principal, space=space, at=tx.at)[0]["count"])

    return store.write(work, operation="revoke", principal=actor)


def list_grants(store: Store, actor: str, space: str | None = None) -> list[Grant]:
    """The running grants on one space, for its administrators, or on all, for the store's.

    Raises
    ------
    NotFound, NotPermitted
    """
    if space is None:
        require_administrator(store, actor, "list all grants of")
    else:
        require_role(store, actor, "admin", space)
    rows = store.read("policy/list_grants", space=space, at=now())
    return [Grant(r["principal"], r["role"], r["space"], r["since"], r["until"]) for r in rows]


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidArgument(what, name, "a name of 1 to 64 letters, digits, and . _ @ -")
