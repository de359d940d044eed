# SPDX-License-Identifier: Apache-2.0
"""Why somebody may or may not do something with a unit: the edges that decide it, told to those who may know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from memwalk.errors import InvalidArgument, NotFound, NotPermitted
from memwalk.policy._rights import ROLES, is_administrator, now, readable_classes, rights_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memwalk.policy._rights import Rights
    from memwalk.store import Reader

__all__ = ["ACTIONS", "Deciding", "Decision", "Need", "Way", "can"]

ACTIONS = {"read": "reader", "write": "writer", "administer": "admin"}
"""What can be asked, and the role it takes."""

_NEVER = 253_402_300_800_000
"""The end of the year 9999 (ms): nobody reads a later one."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """A grant or denial that decides, and how it reaches the principal. Times in ms."""

    chain: tuple[str, ...]
    """The principal, then group by group to the one the edge goes out from."""
    denied: bool
    role: str
    space: str | None
    unit: str | None
    """Both None: the whole store."""
    since: int
    until: int

    def __str__(self) -> str:
        target = f"unit {self.unit}" if self.unit else f"space {self.space}" if self.space else "the store"
        held = f"is denied {self.role} on {target}" if self.denied else f"is {self.role} of {target}"
        window = f" since {_moment(self.since)}" + (f" until {_moment(self.until)}" if self.until < _NEVER else "")
        members = "".join(f"{member} is in {group}; " for member, group in pairwise(self.chain))
        return f"{members}{self.chain[-1]} {held}{window}"


@dataclass(frozen=True, slots=True)
class Need:
    """A role on one right, and what decides whether it is held."""

    right: str
    role: str
    held: bool
    edges: tuple[Deciding, ...]
    """Grants that suffice if it is held, denials if it is not; none: nothing that suffices is granted."""

    def __str__(self) -> str:
        return f"{self.right}: {'; and '.join(map(str, self.edges)) or f'no role of {self.role} is held'}"


@dataclass(frozen=True, slots=True)
class Way:
    """Needs that together suffice: of a unit's sources, or of one version that evidences it."""

    needs: tuple[Need, ...]
    evidence: tuple[str, int] | None = None
    """(unit id, seq) of the version, for entities and facts."""

    @property
    def open(self) -> bool:
        """Whether all its needs are held."""
        return all(need.held for need in self.needs)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a principal may act on a unit, and why."""

    principal: str
    action: str
    unit: str
    ways: tuple[Way, ...]
    """One for a unit of a space; one by each evidence for entities and facts; any open one suffices."""

    @property
    def allowed(self) -> bool:
        """Whether it may."""
        return any(way.open for way in self.ways)

    def __str__(self) -> str:
        lines = [f"{self.principal} {'may' if self.allowed else 'may not'} {self.action} unit {self.unit}"]
        if not self.ways:
            lines.append("  an entity or fact is what its evidence says: nobody has a role beyond reading it")
        for way in [way for way in self.ways if way.open] or self.ways:
            if way.evidence:
                lines.append(f"  by its evidence, unit {way.evidence[0]} version {way.evidence[1]}")
            lines += [f"  {'  ' if way.evidence else ''}{need}" for need in way.needs]
        return "\n".join(lines)


def can(reader: Reader, asker: str, principal: str, action: str, unit: str, at: int | None = None) -> Decision:
    """Whether a principal may read, write or administer a unit, and the edges that decide it.

    Everybody may ask for themselves: they are told their grants, and of a unit they may not read that there
    is none. Administrators of all rights that are involved, and of the store, may ask for anybody, and are
    told denials; of what is readable by evidence, they are told of the evidence they administer.

    Parameters
    ----------
    reader : Reader
    asker : str
        Who wants to know.
    principal : str
        Of whom.
    action : str
        One of `ACTIONS`.
    unit : str
        Its id.
    at : int, optional
        ms; None: now.

    Raises
    ------
    NotFound
        There is no such unit, or `asker` may not read it: the same.
    NotPermitted
        `asker` may read it, but does not administer it.
    UnknownPrincipal, InvalidArgument
    """
    if action not in ACTIONS:
        raise InvalidArgument("action", action, " or ".join(ACTIONS))
    administers, mine = is_administrator(reader, asker), rights_of(reader, asker)
    visible = reader.read("policy/list_unit_rights", ids=[unit], classes=readable_classes(reader, asker))
    ways = reader.read("policy/list_unit_needs", id=unit)
    if not ways or not (visible or administers):
        raise NotFound("unit", unit)
    told = not administers and asker == principal
    if not administers:
        ways = _known(mine, "reader" if told else "admin", ways)
        if not ways:
            raise NotPermitted(asker, "ask who has which rights on", f"unit {unit}: that is for its administrators")
    rights = rights_of(reader, principal, at)
    edges = _edges(reader, principal, sorted({right for row in ways for right in row["rights"]}), at)
    decision = Decision(principal, action, unit, _ways(ways, ACTIONS[action], rights, edges))
    return _without_denials(decision) if told else decision


def _known(mine: Rights, role: str, ways: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ways all of whose rights somebody holds a role on."""
    return [row for row in ways if all(mine.allows(role, right) for right in row["rights"])]


def _ways(
    rows: Sequence[Mapping[str, Any]], role: str, rights: Rights, edges: Mapping[str, Sequence[Deciding]]
) -> tuple[Way, ...]:
    found = []
    for row in rows:
        if row["own"] is None and role != "reader":
            continue
        needs = [
            _need(right, role if right == row["own"] else "reader", rights, edges.get(right, ()))
            for right in row["rights"]
        ]
        found.append(Way(tuple(needs), (row["evidence"], row["seq"]) if row["evidence"] else None))
    return tuple(found)


def _need(right: str, role: str, rights: Rights, edges: Sequence[Deciding]) -> Need:
    wanted, held = ROLES.index(role), rights.allows(role, right)
    if held:
        deciding = [edge for edge in edges if not edge.denied and ROLES.index(edge.role) >= wanted]
    else:
        deciding = [edge for edge in edges if edge.denied and ROLES.index(edge.role) <= wanted]
    return Need(right, role, held, tuple(deciding))


def _edges(reader: Reader, principal: str, rights: Sequence[str], at: int | None) -> dict[str, list[Deciding]]:
    """What reaches each of these rights from a principal, by the right."""
    chains = _chains(reader, principal)
    found: dict[str, list[Deciding]] = {}
    rows = reader.read(
        "policy/list_deciding_edges", principal=principal, rights=list(rights), at=now() if at is None else at
    )
    for row in rows:
        edge = Deciding(
            chains[row["holder"]], row["denied"], row["role"], row["space"], row["unit"], row["since"], row["until"]
        )
        found.setdefault(row["right"], []).append(edge)
    return found


def _chains(reader: Reader, principal: str) -> dict[str, tuple[str, ...]]:
    """A shortest chain of memberships to each group a principal is in."""
    above: dict[str, list[str]] = {}
    for row in reader.read("policy/list_groups_above", principal=principal):
        above.setdefault(row["member"], []).append(row["group"])
    chains: dict[str, tuple[str, ...]] = {principal: (principal,)}
    level = [principal]
    while level:
        following = []
        for member in level:
            for group in above.get(member, ()):
                if group not in chains:
                    chains[group] = (*chains[member], group)
                    following.append(group)
        level = following
    return chains


def _without_denials(decision: Decision) -> Decision:
    ways = tuple(
        replace(way, needs=tuple(need if need.held else replace(need, edges=()) for need in way.needs))
        for way in decision.ways
    )
    return replace(decision, ways=ways)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%MZ")
