# SPDX-License-Identifier: Apache-2.0
"""Grants and denials: a role, between two times, on a space or on a unit.

From its beginning on, a grant takes the place of what the principal was granted in the same role on
the same target, and a denial that of a denial; so at most one of a kind is in force. Neither can reach
back: what begins in the past begins now. Revoking ends what runs and cancels what was to come; the
edges stay, so that rights at a past time can be told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.errors import InvalidArgument, NotFound, NotPermitted
from memwalk.policy._names import check_name
from memwalk.policy._principals import require_principal
from memwalk.policy._reclassify import give_own_rights
from memwalk.policy._rights import (
    ROLES,
    is_administrator,
    lock_policy,
    now,
    readable_classes,
    require_administrator,
    require_role,
    rights_of,
)
from memwalk.policy._spaces import write_space
from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memwalk.store import Reader, Store, Transaction

__all__ = ["Grant", "OnUnit", "deny", "grant", "list_grants", "require_unit_admin", "revoke", "undeny", "write_grants"]


@dataclass(frozen=True, slots=True)
class OnUnit:
    """A unit as the target of a grant or denial."""

    unit: str
    derived: tuple[str, ...]
    """Kinds that need all their sources: what is derived from the unit then needs the unit's own right."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role granted to, or denied, a principal on a space, a unit, or (both None) the whole store. Times in ms."""

    principal: str
    role: str
    space: str | None
    since: int
    until: int
    unit: str | None = None
    denied: bool = False


def grant(
    store: Store,
    actor: str,
    principal: str,
    role: str,
    target: str | OnUnit,
    *,
    since: int | None = None,
    until: int = FOREVER,
) -> None:
    """Give a principal a role on a space or a unit.

    An administrator of the store who names a principal or space that is not there yet creates it.

    Parameters
    ----------
    store : Store
    actor : str
        Who does it: an administrator of the space, of the unit, or of the store.
    principal : str
        Who gets it.
    role : str
        Includes the roles before it in `ROLES`.
    target : str or OnUnit
        A space's name, or a unit.
    since, until : int, optional
        ms; from now, without end.

    Raises
    ------
    NotFound
        There is no such target, or `actor` may not read it: the same.
    NotPermitted
        `actor` may read it, but does not administer it.
    UnknownPrincipal, InvalidArgument
    """

    def work(tx: Transaction) -> None:
        administers = _begin(tx, actor)
        if administers and isinstance(target, str) and not tx.run("policy/get_space", id=target):
            check_name("space", target)
            write_space(tx, target)
        _require_target(tx, actor, target, administers=administers)
        if administers:
            tx.run("policy/ensure_principal", id=principal, at=tx.at)
        else:
            require_principal(tx, principal)
        _put(tx, principal, role, target, since, until, denied=False)

    _check(principal, role, since, until)
    store.write(work, operation="grant", principal=actor)


def deny(
    store: Store,
    actor: str,
    principal: str,
    role: str,
    target: str | OnUnit,
    *,
    since: int | None = None,
    until: int = FOREVER,
) -> None:
    """Deny a principal a role, and with it those that include it, on a space or a unit, whatever is granted.

    Nobody is created: a denial of somebody misspelt would protect nothing. Parameters as for `grant`.

    Raises
    ------
    NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
    """

    def work(tx: Transaction) -> None:
        _require_target(tx, actor, target, administers=_begin(tx, actor))
        require_principal(tx, principal)
        _put(tx, principal, role, target, since, until, denied=True)

    _check(principal, role, since, until)
    store.write(work, operation="deny", principal=actor)


def revoke(store: Store, actor: str, principal: str, target: str | OnUnit) -> int:
    """End all of a principal's own grants on a space or a unit, those to come included; returns how many.

    What the principal holds through its groups, and denials, stay.

    Raises
    ------
    NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
    """
    return _end(store, actor, principal, target, denied=False)


def undeny(store: Store, actor: str, principal: str, target: str | OnUnit) -> int:
    """End all of a principal's own denials on a space or a unit, those to come included; returns how many.

    Raises
    ------
    NotFound, NotPermitted, UnknownPrincipal, InvalidArgument
    """
    return _end(store, actor, principal, target, denied=True)


def list_grants(store: Store, actor: str, target: str | OnUnit | None = None) -> list[Grant]:
    """The grants and denials that run or are to come.

    Parameters
    ----------
    store : Store
    actor : str
    target : str or OnUnit, optional
        A space with its units, or one unit; of these also the grants on what holds them. None: all, for
        administrators of the store.

    Raises
    ------
    NotFound, NotPermitted, InvalidArgument
    """
    administers = is_administrator(store, actor)
    space, unit = None, None
    if target is None:
        require_administrator(store, actor, "list all grants of")
    elif isinstance(target, OnUnit):
        unit = target.unit
        space, _ = require_unit_admin(store, actor, unit, administers=administers)
    else:
        _require_target(store, actor, target, administers=administers)
        space = target
    found = [Grant(**row) for row in store.read("policy/list_grants", space=space, unit=unit, at=now())]
    return found if administers else _administered(store, actor, found)


def _administered(reader: Reader, actor: str, grants: Sequence[Grant]) -> list[Grant]:
    """Without those on units that somebody may not read or administer."""
    units = sorted({found.unit for found in grants if found.unit})
    rights = rights_of(reader, actor)
    seen = reader.read("policy/list_unit_rights", ids=units, classes=readable_classes(reader, actor))
    mine = {row["id"] for row in seen if row["right"] and rights.allows("admin", row["right"])}
    return [found for found in grants if found.unit is None or found.unit in mine]


def write_grants(tx: Transaction, grants: Sequence[Grant]) -> None:
    """Write grants and denials on spaces and units that are there, in their order; units have own rights already.

    Who may, and what the windows may be, is decided by the caller.

    Raises
    ------
    NotFound
        A principal or target is not there.
    """
    rounds: defaultdict[int, list[Grant]] = defaultdict(list)
    seen: Counter[tuple[object, ...]] = Counter()
    for found in grants:
        key = (found.principal, found.role, found.space, found.unit, found.denied)
        rounds[seen[key]].append(found)  # a later one takes the place of an earlier one, written before it
        seen[key] += 1
    for number in sorted(rounds):
        rows = [
            {
                "principal": found.principal,
                "role": found.role,
                "type": "DENIED" if found.denied else "GRANTED",
                "space": None if found.unit else found.space,
                "unit": found.unit,
                "from": found.since,
                "until": found.until,
            }
            for found in rounds[number]
        ]
        if tx.run("policy/create_grants", rows=rows)[0]["count"] != len(rows):
            raise NotFound("principal, space or unit of", "a grant")


def require_unit_admin(reader: Reader, actor: str, unit: str, *, administers: bool) -> tuple[str, str]:
    """Refuse an act on a unit that only its administrators, or the store's, may do; returns its space and right.

    Raises
    ------
    NotFound
        There is no such unit, or `actor` may not read it: the same.
    InvalidArgument
        It is readable by its evidence: no grant can point at it.
    NotPermitted
    """
    rights, classes = rights_of(reader, actor), readable_classes(reader, actor)
    seen = reader.read("policy/list_unit_rights", ids=[unit], classes=classes)
    if not seen and administers:
        seen = reader.read("policy/get_unit_right", id=unit)
    if not seen:
        raise NotFound("unit", unit)
    right = seen[0]["right"]
    if right is None:
        raise InvalidArgument("unit", unit, "one of a space: this one is readable by its evidence, so name that")
    if not administers and not rights.allows("admin", right):
        raise NotPermitted(actor, "administer", f"unit {unit}")
    return str(seen[0]["space"]), str(right)


def _begin(tx: Transaction, actor: str) -> bool:
    """Nobody else writes rights from here on; whether the actor administers the store."""
    lock_policy(tx)
    return is_administrator(tx, actor)


def _require_target(reader: Reader, actor: str, target: str | OnUnit, *, administers: bool) -> None:
    if isinstance(target, OnUnit):
        require_unit_admin(reader, actor, target.unit, administers=administers)
    elif not administers:
        require_role(reader, actor, "admin", target)
    elif not reader.read("policy/get_space", id=target):
        raise NotFound("space", target)


def _check(principal: str, role: str, since: int | None, until: int) -> None:
    check_name("principal", principal)
    if role not in ROLES:
        raise InvalidArgument("role", role, " or ".join(ROLES))
    for name, time in (("since", since), ("until", until)):
        if time is not None and (isinstance(time, bool) or not isinstance(time, int) or abs(time) > FOREVER):
            raise InvalidArgument(name, time, "a time in ms since the epoch")
    if until <= now():
        raise InvalidArgument("until", until, "a time to come (ms)")
    if since is not None and since >= until:
        raise InvalidArgument("until", until, f"a time after it begins, {since} (ms)")


def _put(
    tx: Transaction,
    principal: str,
    role: str,
    target: str | OnUnit,
    since: int | None,
    until: int,
    *,
    denied: bool,
) -> None:
    begins = tx.at if since is None else max(since, tx.at)
    if isinstance(target, OnUnit):
        changed = give_own_rights(tx, [target.unit], derived=target.derived)
        write_grants(tx, [Grant(principal, role, None, begins, until, target.unit, denied)])
        tx.touch(target.unit)
        tx.tell(reclassified=len(changed))
    else:
        write_grants(tx, [Grant(principal, role, target, begins, until, None, denied)])
        tx.touch(target)
    tx.touch(principal)
    tx.tell(to=principal, role=role, since=begins, until=None if until == FOREVER else until, **_named(target))


def _end(store: Store, actor: str, principal: str, target: str | OnUnit, *, denied: bool) -> int:
    def work(tx: Transaction) -> int:
        _require_target(tx, actor, target, administers=_begin(tx, actor))
        require_principal(tx, principal)
        named = _named(target)
        ended = tx.run(
            "policy/end_grants",
            principal=principal,
            type="DENIED" if denied else "GRANTED",
            space=named.get("space"),
            unit=named.get("unit"),
            at=tx.at,
        )
        count = int(ended[0]["count"])
        if count:
            tx.touch(principal, *named.values())
            tx.tell(to=principal, ended=count, **named)
        return count

    return store.write(work, operation="undeny" if denied else "revoke", principal=actor)


def _named(target: str | OnUnit) -> dict[str, str]:
    return {"unit": target.unit} if isinstance(target, OnUnit) else {"space": target}
