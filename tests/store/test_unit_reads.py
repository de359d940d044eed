# SPDX-License-Identifier: Apache-2.0
"""Units read at a past time and in world time, listed, compared; lineage and staleness; only ever what may be read."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound, StaleVersion
from memwalk.store import FOREVER
from memwalk.units import (
    NewUnit,
    UnitChange,
    UnitRef,
    UnitRevert,
    as_draft,
    change_units,
    diff,
    find_unit,
    forget_units,
    get_unit,
    get_units,
    get_version,
    lineage,
    list_history,
    list_loadables,
    list_stale,
    list_units,
    put_units,
    record_activity,
    restore_units,
    stale_units,
    write_drafts,
)

if TYPE_CHECKING:
    from memwalk.store import Store

OWNER = "owner"
WORK, HOME = policy.right_of("default"), policy.right_of("home")
BOTH = [WORK, HOME, policy.class_of([WORK, HOME])]
"""The classes of one who may read both spaces."""


def put(store: Store, *units: NewUnit) -> dict[str, int]:
    """Put units in one transaction."""
    return store.write(
        lambda tx: put_units(tx, record_activity(tx, OWNER, "test"), units), operation="test", principal=OWNER
    )


def passage(unit_id: str, text: str, space: str = "default", **values: Any) -> NewUnit:
    """A passage."""
    return NewUnit(unit_id, "Passage", "a title", text, space=space, **values)


def note(store: Store, *values: dict[str, Any]) -> list[UnitRef]:
    """Notes and summaries the owner writes."""
    drafts = [as_draft(value, principal=OWNER, space="default") for value in values]
    return store.write(lambda tx: write_drafts(tx, drafts), operation="add", principal=OWNER)


def change(store: Store, ref: UnitRef, **values: Any) -> UnitRef:
    """Update one unit."""
    return store.write(
        lambda tx: change_units(tx, [UnitChange(ref.id, ref.seq, values)]), operation="update", principal=OWNER
    )[0]


def forget(store: Store, *ids: str) -> list[str]:
    """Retire units."""
    return store.write(lambda tx: forget_units(tx, ids), operation="forget", principal=OWNER)


def evidence(store: Store, concept: str, source: UnitRef) -> None:
    """Say that a passage version evidences an entity or fact."""
    row = {"id": concept, "source": source.id, "source_seq": source.seq, "count": 1}
    store.write(
        lambda tx: tx.run("units/create_evidence", rows=[row], at=tx.at, forever=FOREVER),
        operation="test",
        principal=OWNER,
    )


def now() -> int:
    """A time between what was written before and what is written after."""
    time.sleep(0.003)
    at = policy.now()
    time.sleep(0.003)
    return at


def test_as_of_is_what_was_said_then(store: Store) -> None:
    """At a past time a unit is its version of then: before it was there, through changes, and retired."""
    before = now()
    (ref,) = note(store, {"text": "one", "tags": ["x"]})
    first = now()
    second_ref = change(store, ref, text="two")
    second = now()
    forget(store, ref.id)
    gone = now()
    seen = [get_units(store, [WORK], [ref.id], at=at).get(ref.id) for at in (before, first, second, gone)]
    assert [unit and (unit.seq, unit.text, unit.tags) for unit in seen] == [
        None,
        (1, "one", ("x",)),
        (2, "two", ("x",)),
        None,
    ]
    assert get_unit(store, [WORK], ref.id, at=gone, retired=True).state == "retired"
    assert [unit.text for unit in list_units(store, [WORK], at=first)] == ["one"]
    assert list_units(store, [WORK], at=gone) == []
    assert get_version(store, [WORK], ref.id, 1) == seen[1]
    assert second_ref == UnitRef(ref.id, 2)
    with pytest.raises(NotFound):
        get_version(store, [HOME], ref.id, 1)


def test_the_past_needs_the_rights_of_now(store: Store) -> None:
    """Each version is decided on its own class, by the classes readable now."""
    policy.create_space(store, OWNER, "home")
    (secret,) = note(store, {"text": "secret", "space": "home"})
    (open_,) = note(store, {"text": "open"})
    (summary,) = note(store, {"kind": "Summary", "text": "of both", "derived_from": [secret.id, open_.id]})
    first = now()
    change(store, summary, derived_from=[open_.id], text="of the open one")
    assert get_unit(store, [WORK], summary.id).text == "of the open one"
    assert get_units(store, [WORK], [summary.id], at=first) == {}
    assert get_unit(store, BOTH, summary.id, at=first).text == "of both"
    assert [row["seq"] for row in list_history(store, [WORK], summary.id)] == [2]
    assert [row["seq"] for row in list_history(store, BOTH, summary.id)] == [2, 1]
    with pytest.raises(NotFound):
        diff(store, [WORK], summary.id, 1, 2)
    with pytest.raises(NotFound):
        get_version(store, [WORK], summary.id, 1)


def test_evidence_is_that_of_then(store: Store) -> None:
    """An entity is there at a time when a passage that may be read now evidenced it."""
    policy.create_space(store, OWNER, "home")
    put(store, passage("p1", "one"), passage("p2", "two", "home"), NewUnit("e1", "Entity", "ada", ""))
    before = now()
    evidence(store, "e1", UnitRef("p1", 1))
    first = now()
    evidence(store, "e1", UnitRef("p2", 1))
    assert set(get_units(store, [HOME], ["e1"], at=first)) == set()
    assert set(get_units(store, [WORK], ["e1"], at=first)) == {"e1"}
    assert set(get_units(store, BOTH, ["e1"], at=before)) == set()
    forget(store, "p1")
    assert set(get_units(store, [WORK], ["e1"])) == set()
    assert set(get_units(store, [WORK], ["e1"], at=first)) == {"e1"}
    assert {unit.id for unit in list_units(store, BOTH, kind="Entity")} == {"e1"}
    assert list_units(store, [WORK], kind="Entity") == []
    assert {unit.id for unit in list_units(store, [WORK], kind="Entity", at=first)} == {"e1"}


def test_world_time(store: Store) -> None:
    """At a time of the world only what holds then is there; no bound means always."""
    (fixed, always) = note(store, {"text": "from 10 to 20", "valid_from": 10, "valid_to": 20}, {"text": "always"})
    for valid_at, there in (
        (9, {always.id}),
        (10, {always.id, fixed.id}),
        (19, {always.id, fixed.id}),
        (20, {always.id}),
    ):
        assert {unit.id for unit in list_units(store, [WORK], valid_at=valid_at)} == there
        assert {unit.id for unit in list_units(store, [WORK], valid_at=valid_at, at=policy.now() + 1000)} == there
        assert set(get_units(store, [WORK], [fixed.id, always.id], valid_at=valid_at)) == there
    with pytest.raises(InvalidArgument):
        list_units(store, [WORK], valid_at=2**63)


def test_pages_hold_every_unit_once(store: Store) -> None:
    """Pages follow each other by id, over several classes and over entities, and filters hold on each page."""
    policy.create_space(store, OWNER, "home")
    units = [
        passage(f"p{i:02}", f"text {i}", ("default", "home")[i % 2], tags=("odd",) if i % 2 else ()) for i in range(20)
    ]
    put(store, *units, *(NewUnit(f"e{i}", "Entity", f"entity {i}", "") for i in range(5)))
    for i in range(5):
        evidence(store, f"e{i}", UnitRef("p01" if i % 2 else "p00", 1))
    pages, after = [], ""
    while page := list_units(store, BOTH, limit=7, after=after):
        pages.append([unit.id for unit in page])
        after = page[-1].id
    assert [len(page) for page in pages] == [7, 7, 7, 4]
    assert [unit for page in pages for unit in page] == [f"e{i}" for i in range(5)] + [f"p{i:02}" for i in range(20)]
    assert {unit.space for unit in list_units(store, BOTH, space="home")} == {"home"}
    assert len(list_units(store, BOTH, tags=["odd"])) == 10
    assert [unit.id for unit in list_units(store, [HOME], kind="Entity")] == ["e1", "e3"]
    forget(store, "p03")
    assert [unit.id for unit in list_units(store, BOTH, state="retired")] == ["p03"]
    assert len(list_units(store, BOTH, state=None, kind="Passage")) == 20
    for wrong in ({"kind": "Poem"}, {"state": "asleep"}, {"limit": 0}, {"limit": 10**9}, {"at": "now"}):
        with pytest.raises(InvalidArgument):
            list_units(store, BOTH, **wrong)


def test_history_of_what_was_forgotten(store: Store) -> None:
    """A retired unit's versions are there for those of its class, found by name too where asked."""
    (ref,) = note(store, {"text": "one", "name": "Pont Neuf"})
    change(store, ref, text="two", valid_from=5)
    forget(store, ref.id)
    rows = list_history(store, [WORK], ref.id)
    assert [(row["seq"], row["state"], row["activity"], row["principal"]) for row in rows] == [
        (3, "retired", "forget", OWNER),
        (2, "live", "update", OWNER),
        (1, "live", "add", OWNER),
    ]
    assert rows[1]["until"] == rows[0]["at"]
    assert rows[1]["valid_from"] == 5
    with pytest.raises(NotFound):
        list_history(store, [HOME], ref.id)
    with pytest.raises(NotFound):
        find_unit(store, [WORK], "Pont Neuf")
    assert find_unit(store, [WORK], "Pont Neuf", retired=True).state == "retired"
    assert find_unit(store, [WORK], ref.id, retired=True).id == ref.id


def test_diff_names_each_field(store: Store) -> None:
    """What differs is told field by field, the text line by line."""
    (other,) = note(store, {"text": "a source"})
    (ref,) = note(store, {"text": "one\ntwo\n", "tags": ["x"], "metadata": {"a": 1, "b": [2]}})
    change(
        store, ref, text="one\nthree\n", tags=["y"], metadata={"a": 1, "c": 3}, valid_from=7, derived_from=[other.id]
    )
    found = diff(store, [WORK], ref.id, 1, 2)
    assert {c.field: (c.before, c.after) for c in found.changes} == {
        "tags": (["x"], ["y"]),
        "metadata.b": ([2], None),
        "metadata.c": (None, 3),
        "valid_from": (None, 7),
        "derived_from": (None, [f"{other.id}@1"]),
    }
    assert found.text.splitlines()[2:] == ["@@ -1,2 +1,2 @@", " one", "-two", "+three"]
    assert not diff(store, [WORK], ref.id, 1, 1)
    change(store, UnitRef(ref.id, 2), text="one\nthree")
    assert [c.field for c in diff(store, [WORK], ref.id, 2, 3).changes] == ["text"]
    with pytest.raises(NotFound):
        diff(store, [WORK], ref.id, 1, 9)


def test_lineage_both_ways(store: Store) -> None:
    """What a unit was made from and what depends on it, version by version, with what made each."""
    put(store, NewUnit("d1", "Document", "a document", "", space="default"))
    put(store, passage("p1", "one", derived_from=(("d1", 1),)), NewUnit("e1", "Entity", "ada", ""))
    evidence(store, "e1", UnitRef("p1", 1))
    (summary,) = note(store, {"kind": "Summary", "text": "short", "derived_from": ["p1"]})
    (top,) = note(store, {"kind": "Summary", "text": "shorter", "derived_from": [summary.id]})
    change(store, UnitRef("p1", 1), text="changed")
    down = lineage(store, [WORK], "p1", direction="down")
    assert {(e.ref, e.source, e.type) for e in down.edges} == {
        (summary, UnitRef("p1", 1), "derived from"),
        (top, summary, "derived from"),
    }
    up = lineage(store, [WORK], top.id, direction="up")
    assert [(n.ref, n.kind, n.is_current) for n in up.nodes] == [
        (top, "Summary", True),
        (summary, "Summary", True),
        (UnitRef("p1", 1), "Passage", False),
        (UnitRef("d1", 1), "Document", True),
    ]
    assert [(n.activity, n.principal) for n in up.nodes][:2] == [("add", OWNER)] * 2
    assert up.is_whole
    short = lineage(store, [WORK], top.id, direction="up", depth=1)
    assert [n.ref for n in short.nodes] == [top, summary]
    assert not short.is_whole
    both = lineage(store, [WORK], summary.id)
    assert {n.ref for n in both.nodes} == {top, summary, UnitRef("p1", 1), UnitRef("d1", 1)}
    forget(store, top.id)
    assert lineage(store, [WORK], top.id, direction="up").edges == up.edges
    for wrong in ({"direction": "sideways"}, {"depth": 0}):
        with pytest.raises(InvalidArgument):
            lineage(store, [WORK], top.id, **wrong)


def test_lineage_of_evidence(store: Store) -> None:
    """An entity's lineage is its readable evidence of now, and tells nothing of when it came."""
    policy.create_space(store, OWNER, "home")
    put(store, passage("p1", "one"), passage("p2", "two", "home"), NewUnit("e1", "Entity", "ada", ""))
    evidence(store, "e1", UnitRef("p1", 1))
    evidence(store, "e1", UnitRef("p2", 1))
    found = lineage(store, [WORK], "e1")
    assert [(e.source, e.type) for e in found.edges] == [(UnitRef("p1", 1), "evidenced by")]
    assert (found.nodes[0].at, found.nodes[0].principal) == (None, None)
    assert [e.ref for e in lineage(store, [WORK], "p1", direction="down").edges] == [UnitRef("e1", 1)]


def test_lineage_stops_at_the_unreadable(store: Store) -> None:
    """What may not be read is not told, and nothing is reached through it."""
    policy.create_space(store, OWNER, "home")
    (base,) = note(store, {"text": "base"})
    (hidden,) = note(store, {"kind": "Summary", "text": "hidden", "space": "home", "derived_from": [base.id]})
    (beyond,) = note(store, {"kind": "Summary", "text": "beyond", "space": "home", "derived_from": [hidden.id]})
    assert lineage(store, [WORK], base.id).edges == ()
    assert lineage(store, [WORK], base.id).is_whole
    assert {n.ref for n in lineage(store, BOTH, base.id).nodes} == {base, hidden, beyond}
    with pytest.raises(NotFound):
        lineage(store, [WORK], beyond.id)


def test_staleness_goes_through_what_is_derived(store: Store) -> None:
    """A changed source makes stale all that was made of it, at any distance; a rebuild makes it fresh again."""
    put(store, NewUnit("d1", "Document", "a document", "", space="default"))
    put(store, passage("p1", "one", derived_from=(("d1", 1),)))
    (summary,) = note(store, {"kind": "Summary", "text": "short", "derived_from": ["p1"], "key": "s"})
    (top,) = note(store, {"kind": "Summary", "text": "shorter", "derived_from": [summary.id]})
    block = NewUnit(
        "k1",
        "KVBlock",
        "over the top",
        "",
        space="default",
        version={
            "payload": "0" * 64,
            "fingerprint": "f",
            "adapters": "",
            "tokens": 1,
            "bytes": 1,
            "source_order": [top.id],
        },
        derived_from=((top.id, 1),),
    )
    put(store, block)
    assert list_stale(store, [WORK]) == []
    assert [loadable.fresh for loadable in list_loadables(store, [WORK])] == [True]
    change(store, UnitRef("d1", 1), tags=["x"])
    assert list_stale(store, [WORK]) == []  # a passage is a piece of its document, not made of it
    changed = change(store, UnitRef("p1", 1), text="other")
    assert {unit.id for unit in list_stale(store, [WORK])} == {summary.id, top.id, "k1"}
    ids = sorted([summary.id, top.id, "k1"])
    assert [unit.id for unit in list_stale(store, [WORK], limit=1, after=ids[0])] == ids[1:2]
    assert list_stale(store, [WORK], space="home") == []
    assert list_stale(store, []) == []
    assert [loadable.fresh for loadable in list_loadables(store, [WORK])] == [False]
    (summary,) = note(store, {"kind": "Summary", "text": "short", "derived_from": ["p1"], "key": "s"})
    assert summary.seq == 2
    assert stale_units(store, [summary.id, top.id, "p1", "k1", "nobody"]) == {top.id, "k1"}
    change(store, top, derived_from=[summary.id])
    put(store, NewUnit(**{**_fields(block), "derived_from": ((top.id, 2),)}))
    assert stale_units(store, [summary.id, top.id, "k1"]) == set()
    forget(store, changed.id)
    assert stale_units(store, [summary.id, top.id, "k1"]) == {summary.id, top.id, "k1"}


def test_revert_is_a_new_version(store: Store) -> None:
    """A revert says again what an earlier version said, tombstones aside, and revives what was forgotten."""
    (ref,) = note(store, {"text": "one", "tags": ["x"], "metadata": {"a": 1}, "valid_from": 3})
    change(store, ref, text="two", tags=[], metadata={}, valid_from=None)
    forget(store, ref.id)

    def revert(seq: int, to: int) -> list[UnitRef]:
        return store.write(
            lambda tx: restore_units(tx, [UnitRevert(ref.id, seq, to)]), operation="revert", principal=OWNER
        )

    with pytest.raises(StaleVersion):
        revert(2, 1)
    with pytest.raises(InvalidArgument, match="tombstone"):
        revert(3, 3)
    with pytest.raises(NotFound):
        revert(3, 9)
    assert revert(3, 1) == [UnitRef(ref.id, 4)]
    again = get_unit(store, [WORK], ref.id)
    assert (again.text, again.tags, again.metadata, again.valid_from) == ("one", ("x",), {"a": 1}, 3)
    assert not diff(store, [WORK], ref.id, 1, 4)


def _fields(unit: NewUnit) -> dict[str, Any]:
    return {name: getattr(unit, name) for name in NewUnit.__dataclass_fields__}


def test_a_past_time_is_never_read_in_the_midst_of_a_commit(store: Store) -> None:
    """While a unit is updated again and again, each look as of now, with writers paused, finds one version of it."""
    (ref,) = note(store, {"text": "0"})
    done = threading.Event()

    def update() -> int:
        head = ref
        while not done.is_set():
            head = change(store, head, text=str(head.seq))
        return head.seq

    seen: list[int] = []
    with ThreadPoolExecutor() as pool:
        writer = pool.submit(update)
        try:
            for _ in range(200):
                with store.paused() as reader:
                    now = {unit.seq for unit in get_units(reader, [WORK], [ref.id], at=policy.now() + 1_000).values()}
                    assert now == {unit.seq for unit in get_units(reader, [WORK], [ref.id]).values()}
                seen += now
        finally:
            done.set()
        assert writer.result() >= seen[-1]
    assert len(seen) == 200
    assert len(set(seen)) > 10
