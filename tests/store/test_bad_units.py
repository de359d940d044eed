# SPDX-License-Identifier: Apache-2.0
"""Units that make no sense, or that the writer may not write: each refused by its own error, and nothing stored."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from memwalk import policy
from memwalk.errors import (
    InvalidArgument,
    MemwalkError,
    NotFound,
    NotPermitted,
    StaleVersion,
    WrongState,
)
from memwalk.store import FOREVER
from memwalk.units import (
    KINDS,
    MAX_METADATA,
    NewUnit,
    State,
    UnitChange,
    UnitRef,
    UnitRevert,
    as_change,
    as_draft,
    as_revert,
    change_units,
    forget_units,
    list_units,
    put_units,
    record_activity,
    restore_units,
    write_drafts,
)
from memwalk.units._states import check_transition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from memwalk.store import Store, Transaction

OWNER = "owner"
CLASS = policy.right_of("default")

NEW = NewUnit("u1", "Note", "a name", "a text", space="default")
WRONG_UNITS: list[tuple[str, dict[str, Any]]] = [
    ("kind", {"kind": "Poem"}),
    ("id", {"id": ""}),
    ("id", {"id": 7}),
    ("name", {"name": None}),
    ("text", {"text": b"bytes"}),
    ("text", {"text": "half a pair: \ud800"}),
    ("text", {"text": "NUL: \0"}),
    ("space", {"space": None}),
    ("space", {"kind": "Entity", "space": "default"}),
    ("properties", {"properties": {"colour": "red"}}),
    ("ordinal", {"kind": "Passage", "properties": {"ordinal": "first"}}),
    ("ordinal", {"kind": "Passage", "properties": {"ordinal": 2**63}}),
    ("version", {"version": {"state": "retired"}}),
    ("tags", {"tags": "abc"}),
    ("tags", {"tags": ("",)}),
    ("tags", {"tags": ("x" * 65,)}),
    ("tags", {"tags": (3,)}),
    ("tags", {"tags": tuple(f"t{i}" for i in range(65))}),
    ("metadata", {"metadata": {"x": "y" * MAX_METADATA}}),
    ("metadata", {"metadata": {1: 2}}),
    ("metadata", {"metadata": [1]}),
    ("metadata", {"metadata": {"x": float("nan")}}),
    ("metadata", {"metadata": {"x": float("-inf")}}),
    ("metadata", {"metadata": {"x": object()}}),
    ("metadata", {"metadata": {"x": "\udfff"}}),
    ("valid_from", {"valid_from": "yesterday"}),
    ("valid_from", {"valid_from": 2**62}),
    ("valid_to", {"valid_from": 5, "valid_to": 5}),
    ("valid_to", {"valid_from": 5, "valid_to": 4}),
    ("derived_from", {"derived_from": (("u1", 1),)}),
    ("derived_from", {"derived_from": (("u2", 0),)}),
    ("derived_from", {"derived_from": ("u2",)}),
]


def deep() -> dict[str, Any]:
    """Metadata nested deeper than JSON is written."""
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"x": nested}
    return nested


@pytest.mark.parametrize(("argument", "changes"), WRONG_UNITS, ids=[f"{a}-{i}" for i, (a, _) in enumerate(WRONG_UNITS)])
def test_a_unit_without_meaning_is_refused_by_name(argument: str, changes: dict[str, Any]) -> None:
    """What is wrong is named, before anything is sent to the store."""
    values = {name: getattr(NEW, name) for name in NewUnit.__dataclass_fields__} | changes
    with pytest.raises(InvalidArgument) as caught:
        NewUnit(**values).checked()
    assert caught.value.argument == argument


def test_metadata_nested_too_deep_is_refused() -> None:
    """Neither a crash nor a truncated text."""
    with pytest.raises(InvalidArgument, match="metadata"):
        NewUnit("u1", "Note", "n", "t", space="default", metadata=deep()).checked()


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("unit", ["not an object"]),
        ("fields", {"text": "x", "colour": "red"}),
        ("fields", {"text": "x", "payload": "0" * 64}),
        ("fields", {"text": "x", "id": "u1"}),
        ("kind", {"text": "x", "kind": "Poem"}),
        ("kind", {"text": "x", "kind": ["Note"]}),
        *(("kind", {"text": "x", "kind": kind}) for kind in sorted(KINDS) if kind not in {"Note", "Summary"}),
        ("text", {}),
        ("text", {"text": "  "}),
        ("text", {"text": 3}),
        ("space", {"text": "x", "space": ""}),
        ("key", {"text": "x", "key": ""}),
        ("key", {"text": "x", "key": 1}),
        ("name", {"text": "x", "name": 1}),
        ("derived_from", {"text": "x", "kind": "Summary"}),
        ("derived_from", {"text": "x", "derived_from": "u1"}),
        ("derived_from", {"text": "x", "derived_from": ["u1@0"]}),
        ("derived_from", {"text": "x", "derived_from": ["u1@x"]}),
        ("derived_from", {"text": "x", "derived_from": ["@1"]}),
        ("derived_from", {"text": "x", "derived_from": [None]}),
        ("valid_to", {"text": "x", "valid_from": 2, "valid_to": 1}),
        ("tags", {"text": "x", "tags": "abc"}),
        ("metadata", {"text": "x", "metadata": "abc"}),
    ],
)
def test_an_object_without_meaning_is_refused_by_name(argument: str, values: Any) -> None:
    """What people may not say of a unit they add."""
    with pytest.raises(InvalidArgument) as caught:
        as_draft(values, principal=OWNER, space="default")
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("read", "values"),
    [
        (as_change, {"id": "u1", "version": 1}),
        (as_change, {"id": "u1", "text": "x"}),
        (as_change, {"version": 1, "text": "x"}),
        (as_change, {"id": "u1", "version": True, "text": "x"}),
        (as_change, {"id": "u1", "version": 1, "kind": "Note"}),
        (as_change, {"id": "u1", "version": 1, "derived_from": 5}),
        (as_revert, {"id": "u1", "version": 1}),
        (as_revert, {"id": "u1", "version": 1, "to": 0}),
        (as_revert, {"id": "u1", "version": 1, "to": 1, "text": "x"}),
    ],
)
def test_a_change_without_meaning_is_refused(read: Callable[[Any], object], values: Mapping[str, Any]) -> None:
    """A change names a unit, the version it was read at, and something to change."""
    with pytest.raises(InvalidArgument):
        read(values)


def content(store: Store) -> list[list[Any]]:
    """All units and versions, and the last change."""
    rows = store.run_text("MATCH (n) WHERE n:Unit OR n:Version RETURN properties(n)", {}, write=False, limit=1000)[1]
    return [*sorted(map(str, rows)), [store.watermark()]]  # type: ignore[list-item]


def test_one_bad_unit_and_none_of_the_batch_is_stored(store: Store) -> None:
    """Each act is all or none, and says which error it was."""
    policy.create_space(store, OWNER, "hidden")
    policy.create_principal(store, OWNER, "reader")
    policy.create_principal(store, OWNER, "stranger")
    policy.grant(store, OWNER, "reader", "reader", "default")

    def draft(**values: Any) -> Any:
        return as_draft({"text": "x", **values}, principal=OWNER, space="default")

    def add(tx: Transaction, *drafts: Any) -> list[UnitRef]:
        return write_drafts(tx, drafts)

    one, two, gone = store.write(lambda tx: add(tx, draft(), draft(), draft()), operation="add", principal=OWNER)
    (secret,) = store.write(lambda tx: add(tx, draft(space="hidden")), operation="add", principal=OWNER)
    store.write(lambda tx: forget_units(tx, [gone.id]), operation="forget", principal=OWNER)
    store.write(
        lambda tx: put_units(
            tx,
            record_activity(tx, OWNER, "test"),
            [NewUnit("p1", "Passage", "p", "text", space="default"), NewUnit("e1", "Entity", "ada", "")],
        ),
        operation="test",
        principal=OWNER,
    )
    evidence = {"id": "e1", "source": "p1", "source_seq": 1, "count": 1}
    store.write(
        lambda tx: tx.run("units/create_evidence", rows=[evidence], at=tx.at, forever=FOREVER),
        operation="test",
        principal=OWNER,
    )

    def change(ref: UnitRef, **values: Any) -> Callable[[Transaction], object]:
        good = UnitChange(one.id, one.seq, {"text": "would be good"})
        return lambda tx: change_units(tx, [good, UnitChange(ref.id, ref.seq, values)])

    def revert(ref: UnitRef, to: int) -> Callable[[Transaction], object]:
        return lambda tx: restore_units(tx, [UnitRevert(one.id, one.seq, 1), UnitRevert(ref.id, ref.seq, to)])

    late = UnitRef(two.id, two.seq + 1)
    buried = UnitRef(gone.id, 2)
    nobody = UnitRef("nobody", 1)
    cases: list[tuple[str, type[MemwalkError], Callable[[Transaction], object]]] = [
        (OWNER, NotFound, lambda tx: add(tx, draft(), draft(space="absent"))),
        (OWNER, NotFound, lambda tx: add(tx, draft(), draft(derived_from=["nobody"]))),
        (OWNER, NotFound, lambda tx: add(tx, draft(), draft(derived_from=[f"{one.id}@9"]))),
        (OWNER, NotFound, lambda tx: add(tx, draft(), draft(derived_from=["e1"]))),
        (OWNER, InvalidArgument, lambda tx: add(tx, draft(), draft(derived_from=[gone.id]))),
        (OWNER, InvalidArgument, lambda tx: add(tx, draft(key="k"), draft(key="k"))),
        ("reader", NotPermitted, lambda tx: add(tx, draft())),
        ("reader", NotFound, lambda tx: add(tx, draft(space="hidden"))),
        ("stranger", NotFound, lambda tx: add(tx, draft())),
        (OWNER, NotFound, change(nobody, text="x")),
        (OWNER, StaleVersion, change(late, text="x")),
        (OWNER, WrongState, change(buried, text="x")),
        (OWNER, InvalidArgument, change(two, text=" ")),
        (OWNER, InvalidArgument, change(two, version={"payload": "0" * 64})),
        (OWNER, InvalidArgument, change(two, metadata={"x": "y" * MAX_METADATA})),
        (OWNER, InvalidArgument, change(two, valid_from=2, valid_to=1)),
        (OWNER, InvalidArgument, change(two, derived_from=[two.id])),
        (OWNER, NotFound, change(two, derived_from=["nobody"])),
        (OWNER, InvalidArgument, change(UnitRef("p1", 1), name="x")),
        (OWNER, NotPermitted, change(UnitRef("e1", 1), tags=["x"])),
        (OWNER, InvalidArgument, change(one, tags=["x"])),
        ("reader", NotPermitted, change(two, text="x")),
        ("stranger", NotFound, change(two, text="x")),
        (OWNER, StaleVersion, revert(late, 1)),
        (OWNER, InvalidArgument, revert(buried, 2)),
        (OWNER, NotFound, revert(two, 5)),
        ("reader", NotPermitted, revert(two, 1)),
        (OWNER, WrongState, lambda tx: forget_units(tx, [one.id, gone.id])),
        (OWNER, NotFound, lambda tx: forget_units(tx, [one.id, "nobody"])),
        (OWNER, NotPermitted, lambda tx: forget_units(tx, ["e1"])),
        ("reader", NotPermitted, lambda tx: forget_units(tx, [one.id])),
        ("reader", NotFound, lambda tx: forget_units(tx, [secret.id])),
    ]
    before = content(store)
    for number, (who, error, work) in enumerate(cases):
        with pytest.raises(error) as caught:
            store.write(work, operation="test", principal=who)
        assert type(caught.value) is error, number
    assert content(store) == before
    assert {unit.id for unit in list_units(store, [CLASS])} == {one.id, two.id, "p1", "e1"}


def test_the_hidden_is_refused_as_the_missing_is(store: Store) -> None:
    """The words of a refusal do not tell what is there; only the name that was asked for differs."""
    policy.create_space(store, OWNER, "hidden")
    policy.grant(store, OWNER, "ada", "writer", "default")
    (secret,) = store.write(
        lambda tx: write_drafts(tx, [as_draft({"text": "x"}, principal=OWNER, space="hidden")]),
        operation="add",
        principal=OWNER,
    )

    def said(unit: str) -> list[str]:
        acts: Sequence[Callable[[Transaction], object]] = [
            lambda tx: change_units(tx, [UnitChange(unit, 1, {"text": "x"})]),
            lambda tx: restore_units(tx, [UnitRevert(unit, 1, 1)]),
            lambda tx: forget_units(tx, [unit]),
            lambda tx: write_drafts(
                tx, [as_draft({"text": "x", "derived_from": [unit]}, principal="ada", space="default")]
            ),
            lambda tx: write_drafts(
                tx, [as_draft({"text": "x", "derived_from": [f"{unit}@1"]}, principal="ada", space="default")]
            ),
        ]
        found = []
        for act in acts:
            with pytest.raises(NotFound) as caught:
                store.write(act, operation="test", principal="ada")
            found.append(str(caught.value).replace(unit, "UNIT"))
        return found

    assert said(secret.id) == said("0" * 36)


TRANSITIONS = {
    ("add", "absent"): "live",
    ("add", "live"): "live",
    ("add", "retired"): "live",
    ("update", "live"): "live",
    ("revert", "live"): "live",
    ("revert", "retired"): "live",
    ("forget", "live"): "retired",
    ("purge", "live"): "absent",
    ("purge", "retired"): "absent",
}


@pytest.mark.parametrize(("act", "state"), list(product(("add", "update", "revert", "forget", "purge"), State)))
def test_every_act_in_every_state(act: str, state: State) -> None:
    """What is not written down as allowed is refused, naming the states it needs."""
    if (act, state.value) in TRANSITIONS:
        assert check_transition(act, "u1", state).value == TRANSITIONS[act, state.value]
        return
    with pytest.raises(WrongState) as caught:
        check_transition(act, "u1", state)
    assert caught.value.allowed == tuple(sorted(s for a, s in TRANSITIONS if a == act))
