# SPDX-License-Identifier: Apache-2.0
"""Random worlds: what goes out comes back the same, and a file holds what its principal may read and nothing else."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchange_world import OWNER, TENSORS, fresh, link, members, passage, put, retire, run, vectors

from memwalk import policy
from memwalk.payloads import PayloadStore
from memwalk.units import DERIVED, NewUnit
from memwalk.units.exchange import Archive, export_archive, import_archive, verify_archive

if TYPE_CHECKING:
    import pytest

    from memwalk.store import Store

SPACES = ("red", "green", "blue")
USERS = ("ann", "ben")
WHO = (*USERS, "crew")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
METADATA = st.dictionaries(
    TEXT, st.none() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False, width=32) | TEXT
)
NOTE = st.fixed_dictionaries(
    {
        "name": TEXT,
        "text": TEXT,
        "tags": st.lists(st.text("abcé", min_size=1, max_size=4), max_size=3).map(tuple),
        "metadata": METADATA,
        "valid_from": st.none() | st.integers(-(2**61), 0),
        "valid_to": st.none() | st.integers(1, 2**61),
    }
)
SPACE, NUMBER = st.sampled_from(SPACES), st.integers(0, 99)
STEP = st.one_of(
    st.tuples(st.just("note"), SPACE, NOTE),
    st.tuples(st.just("passage"), SPACE, NUMBER),
    st.tuples(st.just("derive"), SPACE, st.lists(NUMBER, min_size=1, max_size=3), st.booleans()),
    st.tuples(st.just("update"), NUMBER, NOTE),
    st.tuples(st.just("retire"), NUMBER),
    st.tuples(st.just("own"), NUMBER, st.sampled_from(WHO), st.booleans()),
    st.tuples(st.just("publish"), NUMBER),
)
HELD = st.sets(st.tuples(st.sampled_from(WHO), SPACE, st.sampled_from(policy.ROLES)))


class World:
    """A store that steps are done in."""

    def __init__(self, store: Store, payloads: PayloadStore) -> None:
        self.store = store
        self.payloads = payloads
        self.heads: dict[str, NewUnit] = {}
        self.seqs: dict[str, int] = {}
        self._ids = (f"unit-{number:03}-" for number in itertools.count())

    def live(self, number: int) -> NewUnit | None:
        """One of the live units."""
        units = sorted(self.heads)
        return self.heads[units[number % len(units)]] if units else None

    def write(self, unit: NewUnit) -> None:
        """Put a unit."""
        if unit.id in self.heads and self.heads[unit.id].checked().hash() == unit.checked().hash():
            return
        put(self.store, unit, detail=unit.space or "")
        self.heads[unit.id] = unit
        self.seqs[unit.id] = self.seqs.get(unit.id, 0) + 1

    def do(self, step: tuple[Any, ...]) -> None:
        """Do one step, if there is anything to do it to."""
        getattr(self, f"_{step[0]}")(*step[1:])

    def _note(self, space: str, said: dict[str, Any]) -> None:
        self.write(NewUnit(f"{next(self._ids)}{space}", "Note", space=space, **said))

    def _passage(self, space: str, number: int) -> None:
        unit = passage(f"{next(self._ids)}{space}", space, f"text {number}", number)
        self.write(unit)
        vectors(self.store, **{unit.id: number})
        entity = f"entity-{number % 4}-"
        if entity not in self.seqs:
            put(self.store, NewUnit(entity, "Entity", entity, ""))
            self.seqs[entity] = 1
            vectors(self.store, **{entity: number})
        link(
            self.store, "units/create_evidence", {"id": entity, "source": unit.id, "source_seq": 1, "count": number + 1}
        )
        link(self.store, "units/create_mentions_edges", {"source": unit.id, "target": entity, "count": number + 1})

    def _derive(self, space: str, numbers: list[int], block: bool) -> None:
        sources = {unit.id: self.seqs[unit.id] for unit in map(self.live, numbers) if unit}
        if sources:
            version = {"payload": self.payloads.put(TENSORS), "source_order": sorted(sources)} if block else {}
            kind = "KVBlock" if block else "Summary"
            made = tuple(sorted(sources.items()))
            self.write(NewUnit(f"{next(self._ids)}{space}", kind, "made", "", space, {}, version, made))

    def _update(self, number: int, said: dict[str, Any]) -> None:
        unit = self.live(number)
        if unit is not None and unit.kind == "Note":
            self.write(NewUnit(unit.id, "Note", space=unit.space, **said))

    def _retire(self, number: int) -> None:
        unit = self.live(number)
        if unit is not None and unit.kind != "Passage":
            retire(self.store, unit.id)
            del self.heads[unit.id]

    def _own(self, number: int, who: str, denied: bool) -> None:
        unit = self.live(number)
        if unit is not None:
            act = policy.deny if denied else policy.grant
            act(self.store, OWNER, who, "reader", policy.OnUnit(unit.id, DERIVED))

    def _publish(self, number: int) -> None:
        unit = self.live(number)
        if unit is not None and unit.kind in DERIVED:
            policy.publish(self.store, OWNER, policy.OnUnit(unit.id, DERIVED))


def hidden(store: Store, principal: str) -> set[str]:
    """Ids of the units that a principal may not read."""
    classes = policy.readable_classes(store, principal)
    rows = run(
        store,
        "MATCH (u:Unit) WHERE NOT u.policy_class IN $classes OR (u.policy_class IS NULL AND NOT EXISTS { "
        "MATCH (u)-[:EVIDENCED_BY]->(v) WHERE v.policy_class IN $classes }) RETURN u.id",
        classes=classes,
    )
    return {row[0] for row in rows}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=14), held=HELD)
def test_random_worlds(
    store: Store,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Any, ...]],
    held: set[tuple[str, str, str]],
) -> None:
    """The administrator's file comes back the same; a user's has every readable unit and no trace of another."""
    folder = tmp_path_factory.mktemp("world")
    payloads = PayloadStore(folder / "payloads")
    fresh(store)
    for space in SPACES:
        policy.create_space(store, OWNER, space)
    policy.create_principal(store, OWNER, "crew", kind="group")
    for user in USERS:
        policy.create_principal(store, OWNER, user, groups=("crew",))
    for who, space, role in sorted(held):
        policy.grant(store, OWNER, who, role, space)
    world = World(store, payloads)
    for step in steps:
        world.do(step)
    files = {name: folder / f"{name}.zip" for name in (OWNER, *USERS)}
    for name, path in files.items():
        export_archive(store, payloads, name, path)
        with Archive(path) as archive:
            verify_archive(archive)
            found = {row["id"] for row in archive.rows("units.jsonl")}
        unreadable = hidden(store, name)
        text = b"".join(members(path).values())
        assert not [unit for unit in unreadable if f'"{unit}"'.encode() in text]
        readable = {row[0] for row in run(store, "MATCH (u:Unit) RETURN u.id")} - unreadable
        assert found <= readable
        # Only what was made from a version whose unit has since become unreadable may stay behind.
        missing = sorted(readable - found)
        kinds = run(
            store, "MATCH (u:Unit) WHERE u.id IN $ids AND NOT (u:Summary OR u:KVBlock) RETURN u.id", ids=missing
        )
        assert kinds == []
    for name, path in files.items():
        fresh(store)
        import_archive(store, PayloadStore(folder / f"{name}-payloads"), OWNER, path)
        export_archive(store, PayloadStore(folder / f"{name}-payloads"), OWNER, folder / "again.zip", replace=True)
        before, after = members(path), members(folder / "again.zip")
        same = before.keys() - ({"principals.jsonl", "spaces.jsonl"} if name != OWNER else set())
        assert {member: after[member] for member in same} == {member: before[member] for member in same}
