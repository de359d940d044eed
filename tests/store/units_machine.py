# SPDX-License-Identifier: Apache-2.0
"""A hypothesis state machine: the store and the in-memory model, driven together."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant
from tests.store.policy_machine import ACTORS, HOUR, PEOPLE, ROLE, SPACE, SPACES, SUBJECTS, PolicyMachine, operation
from tests.store.rights_model import OWNER
from tests.store.units_checks import (
    check_chosen,
    check_rights,
    check_seen,
    check_shown,
    check_stale,
    check_stored,
    check_traced,
)
from tests.store.units_model import Evidence, Model, Said

from memwalk import policy
from memwalk.errors import InvalidArgument, MemwalkError
from memwalk.store import FOREVER
from memwalk.units import (
    NewUnit,
    UnitChange,
    UnitRef,
    UnitRevert,
    as_draft,
    change_units,
    derived_id,
    forget_units,
    put_units,
    record_activity,
    restore_units,
    retire_units,
    write_drafts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memwalk.store import Store, Transaction

T = TypeVar("T")
SAID = {
    "text": st.sampled_from(("one", "two", "three")),
    "tags": st.sampled_from(((), ("x",), ("x", "y"))),
    "metadata": st.sampled_from(((), (("n", 1),))),
    "times": st.sampled_from(((None, None), (10, None), (None, 20), (10, 20))),
}
CHANGES = (
    {"tags"},
    {"metadata", "times"},
    {"text"},
    {"text", "tags"},
    {"derived_from"},
    {"derived_from", "text", "times"},
)


class UnitsMachine(PolicyMachine):
    """What is written and read as well."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.keys: dict[str, tuple[str, str, str, str]] = {}
        """Space, principal, kind and key by the id that follows from them."""

    @initialize(
        ada=st.sampled_from((True, True, False)),
        nested=st.sampled_from((True, True, False)),
        held=st.sets(st.tuples(SUBJECTS, ROLE, SPACE), min_size=4),
        peopled=st.sampled_from((True, True, True, False)),
        random=st.integers(0, 1_000),
    )
    def begin(self, *, ada: bool, nested: bool, held: set[tuple[str, str, str]], peopled: bool, random: int) -> None:
        """Principals: ada perhaps in a group, that perhaps in another; some grants; perhaps some units."""
        policy.create_principal(self.store, OWNER, "outer", kind="group")
        policy.create_principal(self.store, OWNER, "inner", kind="group", groups=("outer",) if nested else ())
        policy.create_principal(self.store, OWNER, "ada", groups=("inner",) if ada else ())
        policy.create_principal(self.store, OWNER, "bob")
        self.random = Random(random)
        self.model = Model(SPACES, {"inner": {"ada"} if ada else set(), "outer": {"inner"} if nested else set()})
        for who, role, space in sorted(held):
            self.space_edge(who=who, role=role, space=space, deny=False, window=(-1, None))
        if peopled:
            self.ingest(passage="p1", space="a", text="one", entities={"e1", "e2"})
            self.ingest(passage="p1", space="b", text="one", entities={"e1"})
            # Its first version needs what its second does not.
            self._add(OWNER, ("a", "Note", "k2"), Said("one"), [("b-p1", None)])
            self._add(OWNER, ("a", "Note", "k2"), Said("one"), [("a-p1", None)])
            note = derived_id("a", OWNER, "Note", "k1")
            self._add(OWNER, ("a", "Note", "k1"), Said("one", ("x",), (), 10, 20), [("a-p1", None)])
            self._add(OWNER, ("b", "Summary", "k1"), Said("two"), [(note, None), ("b-p1", None)])

    # --- writing -----------------------------------------------------------------------------------

    @operation(
        2,
        who=ACTORS,
        space=SPACE,
        kind=st.sampled_from(("Note", "Summary")),
        key=st.sampled_from((None, "k1", "k2")),
        **SAID,
    )
    def add(self, *, who: str, space: str, kind: str, key: str | None, data: st.DataObject, **given: Any) -> None:
        """A note or summary, perhaps derived from others."""
        sources = data.draw(st.lists(self._sources(), max_size=2, min_size=int(kind == "Summary"), unique=True))
        self._add(who, (space, kind, key), _said(given), sources)

    @operation(2, others=st.sampled_from(((), ("tags",), ("metadata",), ("times",), ("text",), ("sources",))), **SAID)
    def add_again(self, *, others: tuple[str, ...], data: st.DataObject, **given: Any) -> None:
        """What was added under a key before, as it is or with one thing changed."""
        if not self.keys:
            return
        unit_id = data.draw(st.sampled_from(list(self.keys)))
        space, who, kind, key = self.keys[unit_id]
        known = self.model.units[unit_id].head.said
        mine: dict[str, Any] = {"text": known.text or "one", "tags": known.tags, "metadata": known.metadata}
        mine["times"] = (known.valid_from, known.valid_to)
        said = _said(mine | {name: given[name] for name in others if name in given})
        sources: list[tuple[str, int | None]] = sorted((ref.id, ref.seq) for ref in known.sources)
        if "sources" in others or (kind == "Summary" and not sources):
            sources = data.draw(st.lists(self._sources(not_of=unit_id), max_size=2, min_size=1, unique=True))
        self._add(who, (space, kind, key), said, sources)

    def _add(
        self,
        who: str,
        what: tuple[str, str, str | None],
        said: Said,
        sources: list[tuple[str, int | None]],
    ) -> None:
        space, kind, key = what
        values = {
            "kind": kind,
            "key": key,
            "name": "a title",
            "space": space,
            **_values(said),
            "derived_from": _named(sources),
        }
        draft = as_draft({k: v for k, v in values.items() if v is not None}, principal=who, space=space)
        model, unit_id = self.model, draft.unit.id
        if key is not None:
            assert unit_id == derived_id(space, who, kind, key)
            assert self.keys.get(unit_id, (space, who, kind, key)) == (space, who, kind, key)
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
            if key is not None:
                self.keys[unit_id] = (space, who, kind, key)

    @operation(
        2,
        passage=st.sampled_from(("p1", "p2")),
        space=SPACE,
        text=SAID["text"],
        entities=st.sets(st.sampled_from(("e1", "e2"))),
    )
    def ingest(self, *, passage: str, space: str, text: str, entities: set[str], **_: object) -> None:
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
            loose = tx.run("units/list_unevidenced", ids=[unit_id], forever=FOREVER)
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

    @operation(5, who=ACTORS, late=st.sampled_from((False, False, True)), names=st.sampled_from(CHANGES), **SAID)
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

    @operation(3, who=ACTORS, late=st.sampled_from((False, False, True)))
    def revert(self, *, who: str, late: bool, data: st.DataObject) -> None:
        """Any unit back to any version."""
        unit_id = data.draw(self._units())
        model, unit = self.model, self.model.units.get(unit_id)
        seq = max(1, unit.head.seq - late) if unit else 1
        to = data.draw(st.integers(1, unit.head.seq + 1 if unit else 1))
        expected = model.refuse_unit(who, unit_id)
        if expected is None and unit:
            expected = model.refuse_revert(who, unit, seq, to)
        done = self._act(lambda tx: restore_units(tx, [UnitRevert(unit_id, seq, to)]), who, expected)
        if done and unit:
            model.rewrite(unit, unit.versions[to - 1].said, done[1])
            assert done[0] == [UnitRef(unit_id, unit.head.seq)]

    @operation(2, who=ACTORS)
    def forget(self, *, who: str, data: st.DataObject) -> None:
        """Any unit, by whoever."""
        unit_id = data.draw(self._units())
        expected = self.model.refuse_unit(who, unit_id) or self.model.refuse_forget(unit_id)
        done = self._act(lambda tx: forget_units(tx, [unit_id]), who, expected)
        if done:
            self.model.retire(unit_id, done[1])
            assert done[0] == [unit_id]

    # --- reading -----------------------------------------------------------------------------------

    @operation(
        1,
        who=st.sampled_from(PEOPLE),
        kind=st.sampled_from((None, "Note", "Passage", "Entity")),
        space=st.sampled_from((None, *SPACES)),
        tags=st.sampled_from(((), ("x",), ("y",), ("x", "y"))),
        past=st.booleans(),
    )
    def choose(self, *, past: bool, data: st.DataObject, **given: Any) -> None:
        """What one may read of a kind, of a space, with some tags, now or at a time gone by."""
        at = data.draw(st.sampled_from(self._times())) if past else None
        check_chosen(self.store, self.model, at=at, **given)

    @operation(1, who=st.sampled_from(PEOPLE), direction=st.sampled_from(("up", "down", "both")))
    def trace(self, *, who: str, direction: str, data: st.DataObject) -> None:
        """A unit's history and lineage."""
        unit_id = data.draw(self._units())
        if unit_id in self.model.units:
            check_traced(self.store, self.model, who, unit_id, direction)

    @invariant()
    def present(self) -> None:
        """After each step everything is stored as the model has it, and the owner, or now and then another, sees it."""
        if hasattr(self, "model"):
            check_stored(self.store, self.model)
            for who in (OWNER, *self.random.sample(("ada", "bob"), self.random.choice((0, 0, 1)))):
                check_seen(self.store, self.model, who)

    def teardown(self) -> None:
        """In the end everybody looks at everything: as it is, as it was at a time gone by, and at an hour to come."""
        if not hasattr(self, "model"):
            return
        store, model, random = self.store, self.model, self.random
        for who in PEOPLE:
            past, valid_at = random.choice((None, random.choice(self._times()))), random.choice((None, 5, 10, 15, 20))
            check_shown(store, model, who, at=past, valid_at=valid_at, retired=random.random() < 0.5)
            for at in random.sample(self._times(), min(3, len(self._times()))):
                check_seen(store, model, who, at=at)
            check_chosen(store, model, who, tags=random.choice((("y",), ("x", "y"))), at=past)
            check_stale(store, model, who)
            for unit_id in random.sample(list(model.units), min(2, len(model.units))):
                check_traced(store, model, who, unit_id, "both")
            check_rights(store, model, who)
            model.hour = random.choice((1, 2, 3))
            when = self.begun + model.hour * HOUR
            check_rights(store, model, who, when)
            check_seen(store, model, who, when=when)
            model.hour = 0

    # --- inside ------------------------------------------------------------------------------------

    def _act(
        self, work: Callable[[Transaction], T], who: str, expected: type[MemwalkError] | None
    ) -> tuple[T, int] | None:
        """Do something in a transaction; it ends as expected, and a refusal leaves no change behind."""

        def dated(tx: Transaction) -> tuple[T, int]:
            tx.at += self.drift
            return work(tx), tx.at

        before = self.store.watermark() if expected else 0
        done: tuple[T, int] | None = None
        found = None
        try:
            done = self.store.write(dated, operation="test", principal=who)
        except MemwalkError as error:
            found = type(error)
        assert found == expected
        assert done is not None or self.store.watermark() == before
        return done

    def _sources(self, not_of: str = "") -> st.SearchStrategy[tuple[str, int | None]]:
        spaced = [unit.id for unit in self.model.units.values() if not unit.is_shared]
        known = [unit for unit in (*spaced, *spaced, *self.model.units, "nobody", "none") if unit != not_of]
        return st.tuples(st.sampled_from(known), st.sampled_from((None, None, None, 1, 2)))

    def _times(self) -> list[int]:
        """The present, and the times at which something began or ended, and just before."""
        versions = [version for unit in self.model.units.values() for version in unit.versions]
        ended = [edge.end for edge in self.model.evidence if edge.end != FOREVER]
        return [policy.now(), self.begun, *ended, *(v.start for v in versions), *(v.start - 1 for v in versions)]


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
