# SPDX-License-Identifier: Apache-2.0
"""Principals: users, groups and agents, and who is a member of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import AlreadyExists, CyclicGroup, InvalidArgument, NotFound, UnknownPrincipal
from memwalk.policy._keys import right_of
from memwalk.policy._names import check_name
from memwalk.policy._rights import lock_policy, require_administrator
from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memwalk.store import Store, Transaction

__all__ = [
    "Principal",
    "add_member",
    "create_principal",
    "list_principals",
    "remove_member",
    "require_principal",
    "set_owner",
]

_KINDS = ("user", "group", "agent")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user, a group or an agent, with the groups it is a member of."""

    id: str
    kind: str
    groups: tuple[str, ...] = ()


def set_owner(store: Store, principal: str, space: str = "") -> bool:
    """Make a principal the first administrator of a store that has no owner, and a first space with it.

    Returns
    -------
    bool
        False if the store has an owner already: nothing was written.

    Raises
    ------
    InvalidArgument
    """
    check_name("principal", principal)

    def work(tx: Transaction) -> bool:
        lock_policy(tx)
        if not tx.run("policy/create_owner", principal=principal, at=tx.at, until=FOREVER):
            return False
        tx.touch(principal)
        tx.tell(to=principal, role="admin", store=True)
        if space:
            rows = [{"id": space, "local_only": False, "right": right_of(space)}]
            tx.run("policy/create_spaces", rows=rows, at=tx.at)
            tx.touch(space)
            tx.tell(space=space)
        return True

    return store.write(work, operation="own", principal=principal)


def create_principal(
    store: Store, actor: str, principal: str, *, kind: str = "user", groups: Iterable[str] = ()
) -> Principal:
    """Create a user, group or agent, a member of some groups.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    AlreadyExists, InvalidArgument, NotFound
    """
    check_name("principal", principal)
    if kind not in _KINDS:
        raise InvalidArgument("kind", kind, " or ".join(_KINDS))
    wanted = tuple(sorted(set(groups)))

    def work(tx: Transaction) -> Principal:
        lock_policy(tx)
        require_administrator(tx, actor, "create principals in")
        if tx.run("policy/get_principal", id=principal):
            raise AlreadyExists("principal", principal)
        for group in wanted:
            _require_group(tx, group)
        tx.run("policy/create_principal", id=principal, kind=kind, at=tx.at)
        tx.run("policy/create_memberships", rows=[{"member": principal, "group": group} for group in wanted])
        tx.touch(principal, *wanted)
        tx.tell(who=principal, kind=kind, groups=list(wanted))
        return Principal(principal, kind, wanted)

    return store.write(work, operation="create principal", principal=actor)


def list_principals(store: Store, actor: str) -> list[Principal]:
    """All principals, for administrators.

    Raises
    ------
    NotPermitted
    """
    require_administrator(store, actor, "list the principals of")
    return [Principal(r["id"], r["kind"], tuple(r["groups"])) for r in store.read("policy/list_principals")]


def add_member(store: Store, actor: str, member: str, group: str) -> bool:
    """Put a principal, which may be a group, into a group.

    Returns
    -------
    bool
        False: it was there already, and nothing was written.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    CyclicGroup
        The group is in the member, itself or through others.
    UnknownPrincipal, NotFound
    """

    def work(tx: Transaction) -> bool:
        lock_policy(tx)  # two writers could each close half of a circle
        require_administrator(tx, actor, "change the groups of")
        require_principal(tx, member)
        _require_group(tx, group)
        if tx.run("policy/get_membership_chain", member=group, group=member):
            raise CyclicGroup(member, group)
        made = bool(tx.run("policy/create_memberships", rows=[{"member": member, "group": group}])[0]["count"])
        if made:
            tx.touch(member, group)
            tx.tell(member=member, group=group)
        return made

    return store.write(work, operation="add member", principal=actor)


def remove_member(store: Store, actor: str, member: str, group: str) -> None:
    """Take a principal out of a group.

    Raises
    ------
    NotPermitted
        `actor` does not administer the store.
    NotFound
        It is no member, at least not itself.
    """

    def work(tx: Transaction) -> None:
        lock_policy(tx)
        require_administrator(tx, actor, "change the groups of")
        if not tx.run("policy/delete_membership", member=member, group=group)[0]["count"]:
            raise NotFound(f"member of {group}", member)
        tx.touch(member, group)
        tx.tell(member=member, group=group)

    store.write(work, operation="remove member", principal=actor)


def require_principal(tx: Transaction, principal: str) -> None:
    """Refuse an act on nobody.

    Raises
    ------
    UnknownPrincipal
    """
    if not tx.run("policy/get_principal", id=principal):
        raise UnknownPrincipal(principal)


def _require_group(tx: Transaction, group: str) -> None:
    found = tx.run("policy/get_principal", id=group)
    if not found or found[0]["kind"] != "group":
        raise NotFound("group", group)
