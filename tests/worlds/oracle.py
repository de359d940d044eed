# SPDX-License-Identifier: Apache-2.0
"""Small random worlds of principals, spaces, units and grants, and who may read what in them, by brute force.

Written from the words of the design alone; it knows nothing of rights, classes or the engine:

- A principal holds a role on a unit if it, or a group it is in, was granted that role or one that includes
  it, on the unit, its space, or (as administrator) the whole store, and nobody of these was denied that
  role or one it includes, on the unit or its space. Windows are ``since <= at < until``.
- A derived version is readable by those who read its unit and all its sources, transitively. Publishing
  lets the unit go of what its sources needed then: of a source that has grants or denials of its own,
  that source; of any other, its space.
- A tombstone needs what the version before it needed.
- An entity or fact is readable by those who read any version that evidences it, and counts only those.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

__all__ = ["ROLES", "STORE", "TIMES", "Edge", "Step", "Unit", "Version", "World", "make_world"]

ROLES = ("reader", "writer", "admin")
TIMES = 8
"""Windows lie between 0 and this."""
STORE = "store"
PLAIN = ("Note", "Passage", "Document")
MADE = ("Summary", "Message", "KVBlock")


@dataclass(frozen=True)
class Edge:
    """A grant or denial; on the unit, or the space, or (space `STORE`) on all."""

    principal: str
    role: str
    space: str | None
    unit: str | None
    since: int
    until: int
    denied: bool


@dataclass
class Version:
    """A version of a unit."""

    sources: list[tuple[str, int]]
    live: bool = True


@dataclass
class Unit:
    """A unit of a space."""

    id: str
    kind: str
    space: str
    versions: list[Version] = field(default_factory=list)
    named: bool = False
    """Some grant or denial was ever on it by itself."""
    let_go_units: set[str] = field(default_factory=set)
    let_go_spaces: set[str] = field(default_factory=set)

    @property
    def live(self) -> bool:
        """Whether its head has content."""
        return self.versions[-1].live


@dataclass
class Step:
    """What happens next in the making of a world; the engine does the same."""

    act: str
    """One of: put, update, retire, edge, end, publish, unpublish."""
    unit: str = ""
    edge: Edge | None = None
    sources: list[tuple[str, int]] = field(default_factory=list)


@dataclass
class World:
    """A small world, and the story of how it came about, in rounds of like steps."""

    name: str
    groups: list[str]
    users: list[str]
    members: list[tuple[str, str]]
    """(member, group)."""
    spaces: list[str]
    units: dict[str, Unit] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    evidence: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)
    """How often each version says what an entity or fact stands for; those of tombstones' units left out."""
    told: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)
    """`evidence` as it was first told."""
    rounds: list[list[Step]] = field(default_factory=list)
    _holders: dict[str, set[str]] = field(default_factory=dict)
    _needs: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    """What was found before; forgotten with each step."""

    # --- who may what, by brute force ------------------------------------------------------------------

    @property
    def principals(self) -> list[str]:
        """Users and groups."""
        return self.users + self.groups

    def holders(self, principal: str) -> set[str]:
        """The principal and all groups it is in."""
        if principal not in self._holders:
            found, more = set[str](), {principal}
            while more:
                found |= more
                more = {group for member, group in self.members if member in found} - found
            self._holders[principal] = found
        return self._holders[principal]

    def holds(self, principal: str, role: str, at: int, *, space: str, unit: str | None = None) -> bool:
        """Whether a principal holds a role on a space, or on a unit of it."""
        holders, wanted, granted = self.holders(principal), ROLES.index(role), False
        for edge in self.edges:
            here = edge.unit == unit if edge.unit else edge.space in {space, STORE}
            if edge.principal in holders and here and edge.since <= at < edge.until:
                if edge.denied and ROLES.index(edge.role) <= wanted:
                    return False
                granted = granted or (not edge.denied and ROLES.index(edge.role) >= wanted)
        return granted

    def needs(self, unit_id: str, seq: int) -> set[str]:
        """The units that a version's readers must read."""
        if (unit_id, seq) not in self._needs:
            unit = self.units[unit_id]
            version = unit.versions[seq - 1]
            sources = version.sources if version.live else [(unit_id, seq - 1)]
            from_sources = {need for source in sources for need in self.needs(*source)}
            self._needs[unit_id, seq] = {unit_id} | {n for n in from_sources if not self._let_go(unit, n)}
        return self._needs[unit_id, seq]

    def _let_go(self, unit: Unit, need: str) -> bool:
        return need in unit.let_go_units or self.units[need].space in unit.let_go_spaces

    def reads(self, principal: str, unit_id: str, seq: int, at: int) -> bool:
        """Whether a principal may read a version."""
        return all(
            self.holds(principal, "reader", at, space=self.units[need].space, unit=need)
            for need in self.needs(unit_id, seq)
        )

    def shown(self, principal: str, at: int) -> set[str]:
        """The live units of spaces that a principal may read."""
        return {u.id for u in self.units.values() if u.live and self.reads(principal, u.id, len(u.versions), at)}

    def counts(self, principal: str, at: int) -> dict[str, int]:
        """The entities and facts a principal may read, with how often what it reads says them."""
        found = {
            concept: sum(count for (unit, seq), count in said.items() if self.reads(principal, unit, seq, at))
            for concept, said in self.evidence.items()
        }
        return {concept: count for concept, count in found.items() if count}

    def roles(self, principal: str, role: str, at: int) -> set[str]:
        """The units a principal may read and holds a role on, whatever their state."""
        return {
            u.id
            for u in self.units.values()
            if self.reads(principal, u.id, len(u.versions), at)
            and self.holds(principal, role, at, space=u.space, unit=u.id)
        }

    def space_roles(self, principal: str, role: str, at: int) -> set[str]:
        """The spaces a principal holds a role on."""
        return {space for space in self.spaces if self.holds(principal, role, at, space=space)}

    # --- its story -------------------------------------------------------------------------------------

    def take(self, step: Step) -> None:
        """Let a step happen here."""
        self._needs.clear()
        if step.edge is not None:
            self._take_edge(step.act, step.edge)
            return
        unit = self.units[step.unit]
        if step.act in {"put", "update"}:
            unit.versions.append(Version(step.sources))
        elif step.act == "retire":
            for said in self.evidence.values():
                said.pop((unit.id, len(unit.versions)), None)
            unit.versions.append(Version([], live=False))
        elif step.act == "publish":
            needs = {need for source in unit.versions[-1].sources for need in self.needs(*source)}
            for other in [self.units[need] for need in needs if not self._let_go(unit, need)]:
                if other.named:
                    unit.let_go_units.add(other.id)
                else:
                    unit.let_go_spaces.add(other.space)
        elif step.act == "unpublish":
            unit.let_go_units, unit.let_go_spaces = set(), set()

    def _take_edge(self, act: str, edge: Edge) -> None:
        same = [
            old
            for old in self.edges
            if (old.principal, old.space, old.unit, old.denied) == (edge.principal, edge.space, edge.unit, edge.denied)
        ]
        if act == "end":  # nothing has begun yet, so all are cancelled
            for old in same:
                self.edges.remove(old)
            return
        for old in same:
            if old.role == edge.role and old.until > edge.since:
                self.edges.remove(old)
                self.edges.append(replace(old, until=max(old.since, edge.since)))
        self.edges.append(edge)
        if edge.unit:
            self.units[edge.unit].named = True


def make_world(name: str, chance: random.Random, *, owners: bool = False) -> World:
    """A random world: its story is told to itself step by step.

    With `owners`, some principals administer the whole store at times. Every world's story has the same acts in
    the same rounds, so that the engine can make many worlds at once.
    """
    groups = [f"{name}-g{i}" for i in range(chance.randint(1, 3))]
    users = [f"{name}-u{i}" for i in range(chance.randint(1, 3))]
    members = [
        (member, group) for i, group in enumerate(groups) for member in groups[i + 1 :] + users if chance.random() < 0.4
    ]
    spaces = [f"{name}-s{i}" for i in range(chance.randint(1, 3))]
    world = World(name, groups, users, members, spaces)
    bases = [_new(world, chance, PLAIN) for _ in range(chance.randint(1, 3))]
    _round(world, [Step("put", unit.id) for unit in bases])
    _edges(world, chance, 1, 4, owners=owners)
    _made(world, chance, chance.randint(1, 2))
    _changes(world, chance)
    _edges(world, chance, 0, 3, owners=owners)
    _made(world, chance, chance.randint(0, 2))
    _concepts(world, chance)
    _changes(world, chance)
    _edges(world, chance, 1, 4, owners=owners)
    return world


def _round(world: World, steps: list[Step]) -> None:
    for step in steps:
        world.take(step)
    world.rounds.append(steps)


def _new(world: World, chance: random.Random, kinds: tuple[str, ...]) -> Unit:
    unit = Unit(f"{world.name}-x{len(world.units)}", chance.choice(kinds), chance.choice(world.spaces))
    world.units[unit.id] = unit
    return unit


def _sources(world: World, chance: random.Random, but: str) -> list[tuple[str, int]]:
    """One to three versions with content, old ones too."""
    every = [
        (unit.id, seq)
        for unit in world.units.values()
        for seq, version in enumerate(unit.versions, start=1)
        if version.live and unit.id != but
    ]
    return chance.sample(every, min(len(every), chance.randint(1, 3)))


def _made(world: World, chance: random.Random, count: int) -> None:
    steps = []
    for _ in range(count):
        unit = _new(world, chance, MADE)
        steps.append(Step("put", unit.id, sources=_sources(world, chance, unit.id)))
    _round(world, steps)


def _changes(world: World, chance: random.Random) -> None:
    """One unit is published, some are written anew, unpublished, retired; each kind of step in a round of its own."""
    said = {unit for versions in world.evidence.values() for unit, _ in versions}
    for act, odds in (("publish", 0.3), ("update", 0.25), ("unpublish", 0.08), ("retire", 0.06)):
        steps = []
        for unit in world.units.values():
            made = unit.kind in MADE
            if not unit.live or chance.random() >= odds or (act == "update" and unit.id in said):
                continue
            if act in {"publish", "unpublish"} and not made:
                continue
            sources = _sources(world, chance, unit.id) if act == "update" and made else []
            if made and act == "update" and not sources:
                continue
            steps.append(Step(act, unit.id, sources=sources))
        _round(world, steps[:1] if act == "publish" else steps)


def _edges(world: World, chance: random.Random, least: int, most: int, *, owners: bool) -> None:
    """First some grants or denials end, then there are new ones."""
    ending = [edge for edge in world.edges if edge.space != STORE and chance.random() < 0.1]
    _round(world, [Step("end", edge=edge) for edge in ending])
    steps = []
    for _ in range(chance.randint(least, most)):
        on_unit, denied = chance.random() < 0.35, chance.random() < 0.3
        since = chance.randrange(TIMES - 1) if chance.random() < 0.5 else 0
        edge = Edge(
            principal=chance.choice(world.principals),
            role=chance.choice(ROLES),
            space=None if on_unit else chance.choice(world.spaces),
            unit=chance.choice(list(world.units)) if on_unit else None,
            since=since,
            until=chance.randint(since + 1, TIMES) if chance.random() < 0.5 else TIMES,
            denied=denied,
        )
        if owners and not denied and chance.random() < 0.15:
            edge = replace(edge, space=STORE, unit=None, role="admin")
        steps.append(Step("edge", edge=edge))
    _round(world, steps)


def _concepts(world: World, chance: random.Random) -> None:
    """Entities or facts that one to three live heads say."""
    heads = [(unit.id, len(unit.versions)) for unit in world.units.values() if unit.live]
    for i in range(chance.randint(0, 2)):
        said = chance.sample(heads, min(len(heads), chance.randint(1, 3)))
        world.evidence[f"{world.name}-e{i}"] = {version: chance.randint(1, 5) for version in said}
    world.told = {concept: dict(said) for concept, said in world.evidence.items()}
    world.rounds.append([Step("concepts")])
