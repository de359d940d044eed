# SPDX-License-Identifier: Apache-2.0
"""A plain in-memory model of groups, grants and denials: what the store's decisions must agree with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ("reader", "writer", "admin")
OWNER = "owner"
Right = tuple[str, str]
"""A space, and the unit that has grants or denials of its own; empty for all others of the space."""


@dataclass
class Edge:
    """A grant or denial. Times in hours from the beginning of the story, all of which happens in hour 0."""

    who: str
    role: str
    target: Right
    denied: bool
    since: int
    until: int


class RightsModel:
    """Who holds what."""

    def __init__(self, groups: dict[str, set[str]]) -> None:
        self.groups = groups
        """Members by group."""
        self.edges: list[Edge] = []
        self.hour = 0
        """When it is asked what somebody holds."""

    def holders(self, principal: str) -> set[str]:
        """A principal and the groups it is in, through groups too."""
        found = {principal}
        while more := {group for group, members in self.groups.items() if members & found} - found:
            found |= more
        return found

    def holds(self, principal: str, role: str, right: Right) -> bool:
        """Whether a principal has a role, or one that includes it, on a right, and nobody denies it."""
        place, edges = ROLES.index(role), list(self._reaching(principal, right))
        granted = principal == OWNER or any(ROLES.index(edge.role) >= place for edge in edges if not edge.denied)
        return granted and not any(ROLES.index(edge.role) <= place for edge in edges if edge.denied)

    def _reaching(self, principal: str, right: Right) -> Iterator[Edge]:
        holders, reached = self.holders(principal), {right, (right[0], "")}
        for edge in self.edges:
            if edge.who in holders and edge.target in reached and edge.since <= self.hour < edge.until:
                yield edge

    def put_edge(self, new: Edge) -> None:
        """A grant or denial; from its beginning on it takes the place of those of the same role before."""
        new.since = max(0, new.since)
        for old in self.edges:
            same = (old.who, old.role, old.target, old.denied) == (new.who, new.role, new.target, new.denied)
            if same and old.until > new.since:
                old.until = max(old.since, new.since)
        self.edges.append(new)

    def end_edges(self, who: str, target: Right, *, denied: bool) -> int:
        """End grants, or denials, those to come too; returns how many."""
        count = 0
        for edge in self.edges:
            mine = (edge.who, edge.target, edge.denied) == (who, target, denied)
            if mine and edge.until > max(0, edge.since):
                edge.until = max(0, edge.since)
                count += 1
        return count


def lasts(until: int | None) -> int:
    """The hour until which something lasts; None: without end."""
    return FOREVER if until is None else until
