# SPDX-License-Identifier: Apache-2.0
"""Random sequences of unit, version and policy operations, against a plain in-memory model: no difference."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.store.units_model import OWNER, Evidence, Model, Said

from memwalk import policy
from memwalk.errors import InvalidArgument, MemwalkError, NotFound
from memwalk.store import FOREVER
from memwalk.units import (
    DERIVED,
    NewUnit,
    UnitChange,
    UnitRef,
    UnitRevert,
    as_draft,
    change_units,
    derived_id,
    forget_units,
    get_units,
    lineage,
    list_history,
    list_stale,
    list_units,
    put_units,
    record_activity,
    restore_units,
    retire_units,
    stale_units,
    write_drafts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memwalk.store import Store, Transaction
    from memwalk.units import Unit

T = TypeVar("T")
SPACES = ("a", "b")
PEOPLE = ("ada", "bob", OWNER)
ACTORS = (OWNER, OWNER, "ada", "bob")
"""Who writes: more often than not somebody who may, or little would come to be."""
SUBJECTS = ("ada", "bob", "inner", "outer")
KEYS = ("k1", "k2")
PASSAGES = ("p1", "p2", "p3")
ENTITIES = ("e1", "e2")
TEXTS = st.sampled_from(("one", "two", "three"))
TAGS = st.sampled_from(((), ("x",), ("x", "y")))
TIMES = st.sampled_from(((None, None), (10, None), (None, 20), (10, 20)))
CHANGES = (
    {"tags"},
    {"metadata", "times"},
    {"text"},
    {"text", "tags"},
    {"derived_from"},
    {"derived_from", "text", "times"},
)
METADATA = st.sampled_from(((), (("n", 1),)))


class UnitsMachine(RuleBasedStateMachine):
    """One store and one model, driven together."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        store.run_text(
            "MATCH (n) WHERE NOT n:Migration AND NOT n:Counter AND NOT n:Store DETACH DELETE n", {}, write=True, limit=1
        )
        policy.set_owner(store, OWNER)
        for space in SPACES:
            policy.create_space(store, OWNER, space)
        self.times: list[int] = [policy.now()]

    @initialize(
        ada=st.booleans(),
        nested=st.booleans(),
        held=st.sets(st.tuples(st.sampled_from(SUBJECTS), st.sampled_from(policy.ROLES), st.sampled_from(SPACES))),
    )
    def begin(self, *, ada: bool, nested: bool, held: set[tuple[str, str, str]]) -> None:
        """Principals: ada perhaps in a group, that perhaps in another; some grants."""
        policy.create_principal(self.store, OWNER, "outer", kind="group")
        policy.create_principal(self.store, OWNER, "inner", kind="group", groups=("outer",) if nested else ())
        policy.create_principal(self.store, OWNER, "ada", groups=("inner",) if ada else ())
        policy.create_principal(self.store, OWNER, "bob")
        self.model = Model(
            SPACES, PEOPLE, {"inner": {"ada"} if ada else set(), "outer": {"inner"} if nested else set()}
        )
        for who, role, space in sorted(held):
            self.grant(who, role, space)

    # --- policy ------------------------------------------------------------------------------------

    @rule(who=st.sampled_from(SUBJECTS), role=st.sampled_from(policy.ROLES), space=st.sampled_from(SPACES))
    def grant(self, who: str, role: str, space: str) -> None:
        """A role on a space."""
        policy.grant(self.store, OWNER, who, role, space)
        self.model.grants.add((who, role, (space, "")))

    @rule(who=st.sampled_from(SUBJECTS), role=st.sampled_from(policy.ROLES), deny=st.booleans(), data=st.data())
    def single(self, who: str, role: str, deny: bool, data: st.DataObject) -> None:
        """A role on one unit, granted or denied."""
        unit_id = data.draw(self._units())
        unit = self.model.units.get(unit_id)
        # The owner administers the store, and is told of what is there though no evidence of it is left.
        expected: type[MemwalkError] | None = NotFound if unit is None else InvalidArgument if unit.is_shared else None
        act = policy.deny if deny else policy.grant
        found = _or_error(lambda: act(self.store, OWNER, who, role, policy.OnUnit(unit_id, DERIVED)))
        self.times.append(policy.now())
        assert found == expected
        if unit and not expected:
            unit.is_own = True
            edges = self.model.denials if deny else self.model.grants
            edges.add((who, role, unit.right))

    @rule(who=st.sampled_from(SUBJECTS), role=st.sampled_from(policy.ROLES), space=st.sampled_from(SPACES))
    def deny(self, who: str, role: str, space: str) -> None:
        """No such role on a space, whatever is granted."""
        policy.deny(self.store, OWNER, who, role, space)
        self.model.denials.add((who, role, (space, "")))

    @rule(who=st.sampled_from(SUBJECTS), denied=st.booleans(), data=st.data())
    def end(self, who: str, denied: bool, data: st.DataObject) -> None:
        """All of a principal's own grants, or denials, on a space or unit end."""
        own = [unit.right for unit in self.model.units.values() if unit.is_own]
        target = data.draw(st.sampled_from([*((space, "") for space in SPACES), *own]))
        on = policy.OnUnit(target[1], DERIVED) if target[1] else target[0]
        edges = self.model.denials if denied else self.model.grants
        ended = {edge for edge in edges if (edge[0], edge[2]) == (who, target)}
        assert (policy.undeny if denied else policy.revoke)(self.store, OWNER, who, on) == len(ended)
        edges -= ended

    @rule(member=st.sampled_from(("ada", "bob")), join=st.booleans())
    def move(self, member: str, join: bool) -> None:
        """Somebody joins the inner group, or leaves it."""
        members = self.model.groups["inner"]
        if join == (member in members):
            return
        (policy.add_member if join else policy.remove_member)(self.store, OWNER, member, "inner")
        self.model.groups["inner"] = members ^ {member}

    # --- writing -----------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(ACTORS),
        space=st.sampled_from(SPACES),
        kind=st.sampled_from(("Note", "Summary")),
        key=st.sampled_from((None, *KEYS)),
        text=TEXTS,
        tags=TAGS,
        metadata=METADATA,
        times=TIMES,
        data=st.data(),
    )
    def add(self, *, who: str, space: str, kind: str, key: str | None, data: st.DataObject, **given: Any) -> None:
        """A note or summary, perhaps derived from others, perhaps one that was added before."""
        sources = data.draw(st.lists(self._sources(), max_size=2, min_size=int(kind == "Summary"), unique=True))
        said = _said(given)
        values = {"kind": kind, "key": key, "space": space, **_values(said), "derived_from": _named(sources)}
        draft = as_draft({k: v for k, v in values.items() if v is not None}, principal=who, space=space)
        model, unit_id = self.model, draft.unit.id
        assert key is None or unit_id == derived_id(space, who, kind, key)
        expected = (
            model.refuse_space(who, space) or (unit_id in model.units and model.refuse_unit(who, unit_id)) or None
        )
        resolved = model.resolve(who, sources)
        if expected is None and not isinstance(resolved, frozenset):
            expected = resolved
        if expected is None and any(source == unit_id for source, _ in sources):
            expected = InvalidArgument
        done = self._act(lambda tx: write_drafts(tx, [draft]), who, expected)
        if done and isinstance(resolved, frozenset):
            model.put(unit_id, kind, space, _from(said, resolved), done[1])
            assert done[0] == [UnitRef(unit_id, model.units[unit_id].head.seq)]

    @rule(
        passage=st.sampled_from(PASSAGES),
        space=st.sampled_from(SPACES),
        text=TEXTS,
        entities=st.sets(st.sampled_from(ENTITIES)),
    )
    def ingest(self, passage: str, space: str, text: str, entities: set[str]) -> None:
        """A passage as `add` writes it: what it says is evidence for entities, what it said before is none."""
        unit_id = f"{space}-{passage}"
        unit = NewUnit(unit_id, "Passage", "a title", text, space=space, keeps=True)

        def work(tx: Transaction) -> bool:
            activity, span = record_activity(tx, OWNER, "add"), {"at": tx.at, "forever": FOREVER}
            written = put_units(tx, activity, [unit])
            if not written:
                return False
            rows = [{"id": unit_id, "seq": written[unit_id]}]
            tx.run("units/end_passage_edges", rows=rows, **span)
            put_units(tx, activity, [NewUnit(entity, "Entity", entity, "") for entity in sorted(entities)])
            evidence = [
                {"id": entity, "source": unit_id, "source_seq": written[unit_id], "count": 1} for entity in entities
            ]
            tx.run("units/create_evidence", rows=evidence, **span)
            loose = tx.run("units/list_unevidenced", ids=[unit_id], at=tx.at)
            retire_units(tx, activity, [row["id"] for row in loose])
            return True

        done = self._act(work, OWNER, None)
        assert done
        self._ingested(unit_id, space, text, entities, done)

    def _ingested(self, unit_id: str, space: str, text: str, entities: set[str], done: tuple[bool, int]) -> None:
        model, (written, at) = self.model, done
        there = model.units.get(unit_id)
        same = bool(there and there.head.state == "live" and there.head.said.text == text)
        assert written is not same
        if same:
            return
        said = Said(text) if there is None or there.head.state == "retired" else _from(there.head.said, None, text=text)
        for edge in model.evidence:
            if edge.source.id == unit_id and edge.end == FOREVER:
                edge.end = at
        model.write(unit_id, "Passage", space, said, at)
        for entity in entities:
            known = model.units.get(entity)
            if known is None or known.head.state == "retired":
                model.write(entity, "Entity", None, Said(""), at)
            model.evidence.append(Evidence(entity, UnitRef(unit_id, model.units[unit_id].head.seq), at))
        model._retire_loose(at)

    @rule(
        who=st.sampled_from(ACTORS),
        late=st.booleans(),
        text=TEXTS,
        tags=TAGS,
        metadata=METADATA,
        times=TIMES,
        names=st.sampled_from(CHANGES),
        data=st.data(),
    )
    def update(self, *, who: str, late: bool, names: set[str], data: st.DataObject, **given: Any) -> None:
        """A change of any unit, by whoever, from its head or from an earlier one."""
        unit_id = data.draw(self._units())
        model = self.model
        head = model.units[unit_id].head if unit_id in model.units else None
        seq = max(1, head.seq - late) if head else 1
        values: dict[str, Any] = {k: v for k, v in _values(_said(given)).items() if k in names or k.startswith("valid")}
        if "times" not in names:
            values = {k: v for k, v in values.items() if not k.startswith("valid")}
        sources: list[tuple[str, int | None]] = []
        if "derived_from" in names:
            sources = data.draw(st.lists(self._sources(not_of=unit_id), max_size=2, min_size=1, unique=True))
            values["derived_from"] = _named(sources)
        expected = model.refuse_unit(who, unit_id)
        resolved = model.resolve(who, sources)
        if expected is None and not isinstance(resolved, frozenset):
            expected = resolved
        expected = expected or model.refuse_change(unit_id, seq, set(values))
        done = self._act(lambda tx: change_units(tx, [UnitChange(unit_id, seq, values)]), who, expected)
        if done and head and isinstance(resolved, frozenset):
            said = _from(head.said, resolved if sources else None, **_of(values))
            model.change(unit_id, said, done[1])
            assert done[0] == [UnitRef(unit_id, model.units[unit_id].head.seq)]

    @rule(who=st.sampled_from(ACTORS), late=st.booleans(), to=st.integers(1, 6), data=st.data())
    def revert(self, who: str, late: bool, to: int, data: st.DataObject) -> None:
        """Any unit back to any version."""
        unit_id = data.draw(self._units())
        model, unit = self.model, self.model.units.get(unit_id)
        seq = max(1, unit.head.seq - late) if unit else 1
        expected = model.refuse_unit(who, unit_id)
        if expected is None and unit:
            expected = model.refuse_revert(who, unit, seq, to)
        done = self._act(lambda tx: restore_units(tx, [UnitRevert(unit_id, seq, to)]), who, expected)
        if done and unit:
            model.rewrite(unit, unit.versions[to - 1].said, done[1])
            assert done[0] == [UnitRef(unit_id, unit.head.seq)]

    @rule(who=st.sampled_from(ACTORS), data=st.data())
    def forget(self, who: str, data: st.DataObject) -> None:
        """Any unit, by whoever."""
        unit_id = data.draw(self._units())
        expected = self.model.refuse_unit(who, unit_id) or self.model.refuse_forget(unit_id)
        done = self._act(lambda tx: forget_units(tx, [unit_id]), who, expected)
        if done:
            self.model.retire(unit_id, done[1])
            assert done[0] == [unit_id]

    # --- reading -----------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(PEOPLE),
        retired=st.booleans(),
        valid_at=st.sampled_from((None, 5, 10, 15, 20)),
        past=st.booleans(),
        data=st.data(),
    )
    def read(self, *, who: str, retired: bool, valid_at: int | None, past: bool, data: st.DataObject) -> None:
        """What one may read, one by one and as a list, now or at a time gone by."""
        at = data.draw(st.sampled_from(self.times)) if past else None
        classes = policy.readable_classes(self.store, who)
        expected = self.model.shown(who, at=at, valid_at=valid_at, retired=retired)
        found = get_units(self.store, classes, list(self.model.units), retired=retired, at=at, valid_at=valid_at)
        assert {unit_id: _shown(unit) for unit_id, unit in found.items()} == expected
        state = None if retired else "live"
        listed: list[Unit] = []
        while page := list_units(
            self.store, classes, state=state, at=at, valid_at=valid_at, limit=3, after=listed[-1].id if listed else ""
        ):
            listed += page
        assert {unit.id: _shown(unit) for unit in listed} == expected
        assert [unit.id for unit in listed] == sorted(expected)
        space = data.draw(st.sampled_from(SPACES))
        tagged = list_units(self.store, classes, state=state, at=at, valid_at=valid_at, space=space, tags=["x"])
        assert {unit.id for unit in tagged} == {
            unit_id for unit_id, shown in expected.items() if shown[1] == space and "x" in shown[4]
        }

    @rule(who=st.sampled_from(PEOPLE), direction=st.sampled_from(("up", "down", "both")), data=st.data())
    def trace(self, who: str, direction: str, data: st.DataObject) -> None:
        """A unit's history and lineage."""
        unit_id = data.draw(self._units())
        unit = self.model.units.get(unit_id)
        if unit is None:
            return
        classes = policy.readable_classes(self.store, who)
        history = _or_error(lambda: [(r["seq"], r["state"]) for r in list_history(self.store, classes, unit_id)])
        assert history == self.model.history(who, unit)
        found = _or_error(lambda: lineage(self.store, classes, unit_id, direction=direction, depth=100))
        expected = self.model.lineage(who, unit, direction)
        if isinstance(found, type) or isinstance(expected, type):
            assert found == expected
            return
        assert {(edge.ref, edge.source) for edge in found.edges} == expected
        assert {node.ref for node in found.nodes} == {ref for edge in expected for ref in edge} | {found.unit}
        for node in found.nodes:
            shared = self.model.units[node.ref.id].is_shared
            assert node.is_current == (shared or self.model.is_current(node.ref))

    @rule(who=st.sampled_from(PEOPLE))
    def stale(self, who: str) -> None:
        """What was made of what is no longer so."""
        expected = self.model.stale(who)
        classes = policy.readable_classes(self.store, who)
        assert {unit.id for unit in list_stale(self.store, classes)} == expected
        visible = self.model.shown(who)
        assert stale_units(self.store, visible) == expected

    def teardown(self) -> None:
        """Each unit has one head, the last of a linear chain, and each version the class that the model says."""
        if not hasattr(self, "model"):
            return
        units = self.model.units
        rows = self.store.run_text(
            "MATCH (u:Unit)-[:HEAD]->(v:Version) OPTIONAL MATCH (v)-[:PREVIOUS*0..]->(old) "
            "RETURN u.id, v.seq, u.seq, count(old)",
            {},
            write=False,
            limit=1_000,
        )[1]
        assert sorted(rows) == sorted([unit.id, *[unit.head.seq] * 3] for unit in units.values())
        rows = self.store.run_text(
            "MATCH (v:Version) WHERE v.policy_class IS NOT NULL RETURN v.unit_id, v.seq, v.policy_class",
            {},
            write=False,
            limit=1_000,
        )[1]
        assert {(unit, seq): key for unit, seq, key in rows} == {
            (unit.id, version.seq): self.model.key(unit, version)
            for unit in units.values()
            if not unit.is_shared
            for version in unit.versions
        }

    @invariant()
    def present(self) -> None:
        """After each step the owner sees every live unit as the model has it."""
        if hasattr(self, "model"):
            classes = policy.readable_classes(self.store, OWNER)
            found = get_units(self.store, classes, list(self.model.units))
            assert {unit_id: _shown(unit) for unit_id, unit in found.items()} == self.model.shown(OWNER)

    # --- inside ------------------------------------------------------------------------------------

    def _act(
        self, work: Callable[[Transaction], T], who: str, expected: type[MemwalkError] | None
    ) -> tuple[T, int] | None:
        """Do something in a transaction; it ends as expected, and a refusal leaves no change behind."""
        before = self.store.watermark() if expected else 0
        done: tuple[T, int] | None = None
        found = None
        try:
            done = self.store.write(lambda tx: (work(tx), tx.at), operation="test", principal=who)
        except MemwalkError as error:
            found = type(error)
        assert found == expected
        self.times.append(policy.now())
        if done is None:
            assert self.store.watermark() == before
        else:
            self.times.append(done[1])
        return done

    def _units(self) -> st.SearchStrategy[str]:
        return st.sampled_from([*self.model.units, "nobody"])

    def _sources(self, not_of: str = "") -> st.SearchStrategy[tuple[str, int | None]]:
        known = [unit for unit in (*self.model.units, "nobody", "none") if unit != not_of]
        return st.tuples(st.sampled_from(known), st.sampled_from((None, None, 1, 2)))


def _said(given: dict[str, Any]) -> Said:
    return Said(given["text"], given["tags"], given["metadata"], *given["times"])


def _values(said: Said) -> dict[str, Any]:
    return {
        "text": said.text,
        "tags": list(said.tags),
        "metadata": dict(said.metadata),
        "valid_from": said.valid_from,
        "valid_to": said.valid_to,
    }


def _of(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a change as the model has them."""
    forms: dict[str, Callable[[Any], Any]] = {"tags": tuple, "metadata": lambda held: tuple(held.items())}
    return {k: forms.get(k, lambda v: v)(v) for k, v in values.items() if k != "derived_from"}


def _from(said: Said, sources: frozenset[UnitRef] | None, **changes: Any) -> Said:
    return replace(said, **changes, sources=said.sources if sources is None else sources)


def _named(sources: Sequence[tuple[str, int | None]]) -> list[str]:
    return [unit if seq is None else f"{unit}@{seq}" for unit, seq in sources]


def _shown(unit: Unit) -> tuple[Any, ...]:
    times = (unit.valid_from, unit.valid_to)
    said = (unit.text, unit.tags, unit.metadata, times)
    return (unit.kind, unit.space, unit.seq, *said, unit.state, unit.policy_class, unit.since)


def _or_error(read: Callable[[], T]) -> T | type[MemwalkError]:
    try:
        return read()
    except MemwalkError as error:
        return type(error)


def drive(store: Store, *, examples: int, steps: int) -> None:
    """Run random sequences; a failing one is shrunk and printed."""
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", partial(UnitsMachine, store)),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_store_agrees_with_the_model(store: Store) -> None:
    """Random sequences of operations end as the model says, and all readers see what it says."""
    drive(store, examples=30, steps=25)
