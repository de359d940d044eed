# SPDX-License-Identifier: Apache-2.0
"""A plain in-memory model of units, versions, evidence and rights: what the store must agree with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.store.rights_model import OWNER, Right, RightsModel

from memwalk import policy
from memwalk.errors import InvalidArgument, MemwalkError, NotFound, NotPermitted, StaleVersion, WrongState
from memwalk.store import FOREVER
from memwalk.units import DERIVED, EDITABLE, UnitRef

Refused = type[MemwalkError]


@dataclass(frozen=True)
class Said:
    """What a version says."""

    text: str
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()
    valid_from: int | None = None
    valid_to: int | None = None
    sources: frozenset[UnitRef] = frozenset()

    @property
    def content(self) -> tuple[str, frozenset[UnitRef]]:
        """What is no annotation."""
        return self.text, self.sources


@dataclass
class ModelVersion:
    """One version."""

    seq: int
    state: str
    said: Said
    start: int
    end: int = FOREVER


@dataclass
class ModelUnit:
    """One unit; entities have no space."""

    id: str
    kind: str
    space: str | None
    is_own: bool = False
    """It was granted or denied to somebody by itself."""
    let_go: set[Right] = field(default_factory=set)
    """Rights of its sources that it was published without."""
    versions: list[ModelVersion] = field(default_factory=list)

    @property
    def head(self) -> ModelVersion:
        """Its latest version."""
        return self.versions[-1]

    @property
    def is_shared(self) -> bool:
        """Whether it is readable by evidence."""
        return self.space is None

    @property
    def right(self) -> Right:
        """What acts on it need."""
        return self.space or "", self.id if self.is_own else ""


@dataclass
class Evidence:
    """A passage version evidences an entity between two times."""

    entity: str
    source: UnitRef
    start: int
    end: int = FOREVER


class Model(RightsModel):
    """Everything, as lists and dicts."""

    def __init__(self, spaces: tuple[str, ...], groups: dict[str, set[str]]) -> None:
        super().__init__(groups)
        self.spaces = spaces
        self.units: dict[str, ModelUnit] = {}
        self.evidence: list[Evidence] = []

    # --- rights ------------------------------------------------------------------------------------

    def rights(self, unit: ModelUnit, version: ModelVersion) -> frozenset[Right]:
        """What reading a version needs: its unit's right, and all that its sources need."""
        if version.state == "retired":  # as what it buried
            return self.rights(unit, unit.versions[version.seq - 2])
        return frozenset({unit.right}) | self.source_rights(unit, version)

    def source_rights(self, unit: ModelUnit, version: ModelVersion) -> frozenset[Right]:
        """What reading a version needs of its sources: all that they need but what its unit was published without."""
        if unit.kind not in DERIVED:
            return frozenset()
        needs = frozenset[Right]().union(*(self.rights(*self.at(source)) for source in version.said.sources))
        return frozenset(right for right in needs if not unit.let_go & {right, (right[0], "")})

    def may_read(self, principal: str, unit: ModelUnit, version: ModelVersion) -> bool:
        """Whether all that a version needs may be read."""
        return all(self.holds(principal, "reader", right) for right in self.rights(unit, version))

    def may_read_ref(self, principal: str, ref: UnitRef) -> bool:
        """The same of an exact version."""
        return self.may_read(principal, *self.at(ref))

    def evidenced(self, principal: str, entity: str, at: int | None = None) -> bool:
        """Whether a readable version evidences an entity, now or at a time."""
        return any(
            edge.entity == entity
            and (edge.end == FOREVER if at is None else edge.start <= at < edge.end)
            and self.may_read_ref(principal, edge.source)
            for edge in self.evidence
        )

    def visible(self, principal: str, unit: ModelUnit) -> bool:
        """Whether a unit may be read, live or retired."""
        if unit.is_shared:
            return unit.head.state == "live" and self.evidenced(principal, unit.id)
        return self.may_read(principal, unit, unit.head)

    def all_rights(self) -> set[Right]:
        """All that there are."""
        return {(space, "") for space in self.spaces} | {unit.right for unit in self.units.values() if unit.is_own}

    # --- reading -----------------------------------------------------------------------------------

    def stored(self) -> list[list[Any]]:
        """Every version as the store shall have it, with the evidence it is, by unit and number."""
        rows = []
        for unit in sorted(self.units.values(), key=lambda unit: unit.id):
            for version in unit.versions:
                said, head = version.said, version is unit.head
                times = [said.valid_from, said.valid_to, version.start, version.end]
                key = None if unit.is_shared else self.key(unit, version)
                chained = int(version.seq > 1)
                rows.append([unit.id, version.seq, version.state, said.text, list(said.tags), dict(said.metadata)])
                rows[-1] += [*times, key, head, chained, sorted([ref.id, ref.seq] for ref in said.sources)]
                ref = UnitRef(unit.id, version.seq)
                rows[-1].append(sorted([e.entity, e.start, e.end] for e in self.evidence if e.source == ref))
        return rows

    def at(self, ref: UnitRef) -> tuple[ModelUnit, ModelVersion]:
        """An exact version, with its unit."""
        unit = self.units[ref.id]
        return unit, unit.versions[ref.seq - 1]

    def shown(
        self, principal: str, *, at: int | None = None, valid_at: int | None = None, retired: bool = False
    ) -> dict[str, tuple[Any, ...]]:
        """What each readable unit shows, by id."""
        found = {}
        for unit in self.units.values():
            version = unit.head if at is None else next((v for v in unit.versions if v.start <= at < v.end), None)
            if version is None or (version.state == "retired" and not retired):
                continue
            if unit.is_shared and not self.evidenced(principal, unit.id, at):
                continue
            if not unit.is_shared and not self.may_read(principal, unit, version):
                continue
            said = version.said
            late = said.valid_to is not None and valid_at is not None and valid_at >= said.valid_to
            early = said.valid_from is not None and valid_at is not None and valid_at < said.valid_from
            if not (late or early):
                found[unit.id] = self.show(unit, version)
        return found

    def show(self, unit: ModelUnit, version: ModelVersion) -> tuple[Any, ...]:
        """A unit as a version says it is."""
        key = None if unit.is_shared else self.key(unit, version)
        seq, start = (1, None) if unit.is_shared else (version.seq, version.start)
        said = version.said
        times = (said.valid_from, said.valid_to)
        return (unit.kind, unit.space, seq, said.text, said.tags, dict(said.metadata), times, version.state, key, start)

    def key(self, unit: ModelUnit, version: ModelVersion) -> str:
        """The key of a version's policy class."""
        return policy.class_of(policy.right_of(*right) for right in self.rights(unit, version))

    def history(self, principal: str, unit: ModelUnit) -> list[tuple[int, str]] | Refused:
        """Numbers and states of the readable versions, newest first."""
        if not self.visible(principal, unit):
            return NotFound
        if unit.is_shared:
            return [(1, "live")]
        return [(v.seq, v.state) for v in reversed(unit.versions) if self.may_read(principal, unit, v)]

    def is_current(self, ref: UnitRef) -> bool:
        """Whether a version is the head of a live unit."""
        head = self.units[ref.id].head
        return head.state == "live" and head.seq == ref.seq

    def is_stale(self, ref: UnitRef) -> bool:
        """Whether something a version was made of is no longer so."""
        if self.units[ref.id].kind not in DERIVED:
            return False
        return any(not self.is_current(source) or self.is_stale(source) for source in self.at(ref)[1].said.sources)

    def stale(self, principal: str) -> set[str]:
        """The stale units that may be read."""
        return {
            unit.id
            for unit in self.units.values()
            if unit.head.state == "live"
            and self.visible(principal, unit)
            and self.is_stale(UnitRef(unit.id, unit.head.seq))
        }

    def lineage(self, principal: str, unit: ModelUnit, direction: str) -> set[tuple[UnitRef, UnitRef]] | Refused:
        """Edges (what was made, from what) that are reached through readable versions."""
        if not self.visible(principal, unit):
            return NotFound
        history = self.history(principal, unit)
        assert isinstance(history, list)
        found: set[tuple[UnitRef, UnitRef]] = set()
        if direction != "down":
            live = [UnitRef(unit.id, seq) for seq, state in history if state == "live"][:1]
            self._walk(principal, live, found, up=True)
        if direction != "up":
            self._walk(principal, [UnitRef(unit.id, seq) for seq, _ in history], found, up=False)
        return found

    def _walk(self, principal: str, start: list[UnitRef], found: set[tuple[UnitRef, UnitRef]], *, up: bool) -> None:
        edges = self._edges(principal)
        reached, level = set(start), list(start)
        while level:
            ref = level.pop()
            for made, source in edges:
                here, there = (made, source) if up else (source, made)
                if here == ref:
                    found.add((made, source))
                    if there not in reached:
                        reached.add(there)
                        level.append(there)

    def _edges(self, principal: str) -> list[tuple[UnitRef, UnitRef]]:
        derived = [
            (UnitRef(unit.id, version.seq), source)
            for unit in self.units.values()
            for version in unit.versions
            if not unit.is_shared and self.may_read(principal, unit, version)
            for source in version.said.sources
            if self.may_read_ref(principal, source)
        ]
        evidenced = [
            (UnitRef(edge.entity, 1), edge.source)
            for edge in self.evidence
            if edge.end == FOREVER and self.may_read_ref(principal, edge.source)
        ]
        return derived + evidenced

    # --- writing: each returns the error there must be, or None ------------------------------------

    def refuse_space(self, principal: str, space: str) -> Refused | None:
        """Why somebody may not write to a space."""
        if not self.holds(principal, "reader", (space, "")):
            return NotFound
        return None if self.holds(principal, "writer", (space, "")) else NotPermitted

    def refuse_unit(self, principal: str, unit_id: str) -> Refused | None:
        """Why somebody may not write to a unit."""
        unit = self.units.get(unit_id)
        if unit is None or not self.visible(principal, unit):
            return NotFound
        if unit.is_shared or not self.holds(principal, "writer", unit.right):
            return NotPermitted
        return None

    def resolve(self, principal: str, wanted: list[tuple[str, int | None]]) -> frozenset[UnitRef] | Refused:
        """The exact versions something shall be derived from."""
        found = set()
        for unit_id, number in wanted:
            unit = self.units.get(unit_id)
            seq = unit.head.seq if unit and number is None else number
            if unit is None or seq is None or unit.is_shared or seq > len(unit.versions):
                return NotFound
            version = unit.versions[seq - 1]
            if not self.may_read(principal, unit, version):
                return NotFound
            if version.state == "retired":
                return InvalidArgument
            found.add(UnitRef(unit_id, seq))
        return frozenset(found)

    def write(self, unit_id: str, kind: str, space: str | None, said: Said, at: int) -> None:
        """A new head version."""
        unit = self.units.setdefault(unit_id, ModelUnit(unit_id, kind, space))
        start = self._end(unit, at)
        unit.versions.append(ModelVersion(len(unit.versions) + 1, "live", said, start))

    def put(self, unit_id: str, kind: str, space: str, said: Said, at: int) -> bool:
        """Add by content; tells whether there was anything to write."""
        unit = self.units.get(unit_id)
        if unit and unit.head.state == "live" and unit.head.said == said:
            return False
        self.write(unit_id, kind, space, said, at)
        return True

    def refuse_administration(self, principal: str, unit_id: str) -> Refused | None:
        """Why somebody may not grant, deny or publish a unit."""
        unit = self.units.get(unit_id)
        # The owner administers the store, and is told of what is there though no evidence of it is left.
        if unit is None or (principal != OWNER and not self.visible(principal, unit)):
            return NotFound
        if unit.is_shared:
            return InvalidArgument
        return None if self.holds(principal, "admin", unit.right) else NotPermitted

    def publishing(self, principal: str, unit: ModelUnit) -> frozenset[Right] | Refused:
        """What an administrator of a unit would publish it without."""
        if unit.kind not in DERIVED:
            return InvalidArgument
        if unit.head.state == "retired":
            return WrongState
        dropped = self.source_rights(unit, unit.head)
        return dropped if all(self.holds(principal, "admin", right) for right in dropped) else NotPermitted

    def refuse_change(self, unit_id: str, seq: int, names: set[str]) -> Refused | None:
        """Why a permitted change is refused."""
        unit = self.units[unit_id]
        if names - EDITABLE[unit.kind]:
            return InvalidArgument
        if unit.head.seq != seq:
            return StaleVersion
        return None if unit.head.state == "live" else WrongState

    def refuse_revert(self, principal: str, unit: ModelUnit, seq: int, to: int) -> Refused | None:
        """Why a permitted revert is refused."""
        if to > len(unit.versions) or not self.may_read(principal, unit, unit.versions[to - 1]):
            return NotFound
        if unit.head.seq != seq:
            return StaleVersion
        return InvalidArgument if unit.versions[to - 1].state == "retired" else None

    def refuse_forget(self, unit_id: str) -> Refused | None:
        """Why forgetting is refused where it is permitted."""
        return WrongState if self.units[unit_id].head.state == "retired" else None

    def change(self, unit_id: str, said: Said, at: int) -> None:
        """Say something else; evidence follows a passage whose text stays, and ends where it changes."""
        unit = self.units[unit_id]
        before = unit.head
        if said != before.said or before.state == "retired":
            self.rewrite(unit, said, at)

    def rewrite(self, unit: ModelUnit, said: Said, at: int) -> None:
        """A new version of what is there, whatever it said."""
        before = unit.head
        self.write(unit.id, unit.kind, unit.space, said, at)
        if unit.kind != "Passage":
            return
        old, new = UnitRef(unit.id, before.seq), UnitRef(unit.id, unit.head.seq)
        running = [edge for edge in self.evidence if edge.source == old and edge.end == FOREVER]
        for edge in running:
            edge.end = at
        if before.state == "live" and before.said.text == said.text:
            self.evidence += [replace(edge, source=new, start=at, end=FOREVER) for edge in running]
        self._retire_loose(at)

    def retire(self, unit_id: str, at: int) -> None:
        """A tombstone becomes the head; what it alone evidenced goes with it."""
        unit = self.units[unit_id]
        before = unit.head
        start = self._end(unit, at)
        unit.versions.append(ModelVersion(len(unit.versions) + 1, "retired", Said(text=""), start))
        for edge in self.evidence:
            if edge.source == UnitRef(unit_id, before.seq) and edge.end == FOREVER:
                edge.end = at
        self._retire_loose(at)

    def _retire_loose(self, at: int) -> None:
        held = {edge.entity for edge in self.evidence if edge.end == FOREVER}
        for unit in self.units.values():
            if unit.is_shared and unit.head.state == "live" and unit.id not in held:
                self.retire(unit.id, at)

    def _end(self, unit: ModelUnit, at: int) -> int:
        if not unit.versions:
            return at
        start = max(at, unit.head.start + 1)
        unit.head.end = start
        return start
