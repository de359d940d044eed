# SPDX-License-Identifier: Apache-2.0
"""Units: put by content, versioned, retired, evidenced; the change sequence."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from memwalk import policy
from memwalk.errors import InvalidArgument, NotFound, QueryFailed
from memwalk.store import FOREVER
from memwalk.units import (
    NewUnit,
    find_unit,
    get_unit,
    get_units,
    list_history,
    new_id,
    put_units,
    record_activity,
    retire_units,
)

if TYPE_CHECKING:
    from memwalk.store import Store, Transaction

OWNER = "owner"
CLASS = policy.right_of("default")


def passage(unit_id: str, text: str = "some text", **changes: object) -> NewUnit:
    """A passage of the default space."""
    values: dict[str, object] = {"space": "default", "properties": {"ordinal": 0}, **changes}
    return NewUnit(id=unit_id, kind="Passage", name="a title", text=text, **values)  # type: ignore[arg-type]


def put(store: Store, *units: NewUnit) -> dict[str, int]:
    """Put units in one transaction."""
    return store.write(
        lambda tx: put_units(tx, record_activity(tx, OWNER, "test"), units), operation="test", principal="owner"
    )


def retire(store: Store, *ids: str) -> list[str]:
    """Retire units in one transaction."""
    return store.write(
        lambda tx: retire_units(tx, record_activity(tx, OWNER, "test"), ids), operation="test", principal="owner"
    )


def evidence(store: Store, entity: str, source: str, seq: int) -> None:
    """Say that a passage version evidences an entity."""
    row = {"id": entity, "source": source, "source_seq": seq, "count": 1}
    store.write(
        lambda tx: tx.run("units/create_evidence", rows=[row], at=tx.at, forever=FOREVER),
        operation="test",
        principal="owner",
    )


def test_put_is_by_content(store: Store) -> None:
    """The same content twice is one version; other content is a new head behind which the old one stays."""
    assert put(store, passage("p1")) == {"p1": 1}
    before = store.watermark()
    assert put(store, passage("p1")) == {}
    assert store.watermark() == before
    assert put(store, passage("p1", "other text")) == {"p1": 2}
    unit = get_unit(store, [CLASS], "p1")
    assert (unit.seq, unit.text, unit.kind, unit.space) == (2, "other text", "Passage", "default")
    history = list_history(store, [CLASS], "p1")
    assert [(v["seq"], v["activity"], v["principal"]) for v in history] == [(2, "test", OWNER), (1, "test", OWNER)]
    heads = store.run_text("MATCH (:Unit {id: 'p1'})-[:HEAD]->(v) RETURN v.seq, v.tx_to", {}, write=False, limit=5)[1]
    assert heads == [[2, FOREVER]]
    chain = store.run_text(
        "MATCH (v)-[:PREVIOUS]->(o) RETURN v.seq, o.seq, o.tx_to = v.tx_from", {}, write=False, limit=5
    )
    assert chain[1] == [[2, 1, True]]


def test_retired_is_gone_and_comes_back(store: Store) -> None:
    """A retired unit is not found; putting it again revives the same identity."""
    put(store, passage("p1"))
    assert retire(store, "p1") == ["p1"]
    assert get_units(store, [CLASS], ["p1"]) == {}
    assert put(store, passage("p1")) == {"p1": 3}
    assert get_unit(store, [CLASS], "p1").seq == 3


def test_entity_lives_by_its_evidence(store: Store) -> None:
    """An entity goes with its last evidence, not before, and is readable by any of it."""
    policy.create_space(store, OWNER, "other")
    other = policy.right_of("other")
    put(store, passage("p1"), passage("p2", space="other"), NewUnit("e1", "Entity", "ada", ""))
    evidence(store, "e1", "p1", 1)
    evidence(store, "e1", "p2", 1)
    assert set(get_units(store, [other], ["e1", "p1", "p2"])) == {"e1", "p2"}
    assert set(get_units(store, [], ["e1", "p1", "p2"])) == set()
    assert retire(store, "p2") == ["p2"]
    assert set(get_units(store, [other], ["e1"])) == set()
    assert set(get_units(store, [CLASS], ["e1"])) == {"e1"}
    assert retire(store, "p1") == ["p1", "e1"]


def test_evidence_that_ended_on_a_faster_clock_holds_nothing(store: Store) -> None:
    """An entity goes with its last evidence, though a writer whose clock is ahead ended the rest before."""
    put(store, passage("p1"), passage("p2"), NewUnit("e1", "Entity", "ada", ""))
    evidence(store, "e1", "p1", 1)
    evidence(store, "e1", "p2", 1)

    def ahead(tx: Transaction) -> list[str]:
        tx.at += 60_000
        return retire_units(tx, record_activity(tx, OWNER, "test"), ["p1"])

    assert store.write(ahead, operation="test", principal=OWNER) == ["p1"]
    assert retire(store, "p2") == ["p2", "e1"]


def test_derivation_names_exact_versions(store: Store) -> None:
    """A version made from another names the version, not the unit."""
    put(store, passage("p1"))
    put(store, passage("p2", derived_from=(("p1", 1),)))
    put(store, passage("p1", "changed"))
    rows = store.run_text(
        "MATCH (v)-[:WAS_DERIVED_FROM]->(s) RETURN v.unit_id, s.unit_id, s.seq", {}, write=False, limit=5
    )
    assert rows[1] == [["p2", "p1", 1]]


def test_find_by_id_prefix_and_name(store: Store) -> None:
    """A person may type an id, its beginning, or a name; not what it may not read."""
    first, second = new_id(), new_id()
    put(store, passage(first), passage(second))
    assert find_unit(store, [CLASS], first).id == first
    with pytest.raises(NotFound):
        find_unit(store, [], first)
    with pytest.raises(InvalidArgument, match="named so"):
        find_unit(store, [CLASS], "A Title")
    retire(store, second)
    assert find_unit(store, [CLASS], "A Title").id == first
    for nonsense in ("", '"', "no such thing", "zzzzzzzz", "AND OR ~^("):
        with pytest.raises(NotFound):
            find_unit(store, [CLASS], nonsense)


def test_unknown_property_is_refused(store: Store) -> None:
    """A property the kind does not have is refused and nothing is stored."""
    with pytest.raises(InvalidArgument, match="ordinal"):
        put(store, passage("p1", properties={"colour": "red"}))
    assert get_units(store, [CLASS], ["p1"]) == {}


def test_a_failing_write_leaves_nothing(store: Store) -> None:
    """A transaction that raises rolls back, the change number included."""
    before = store.watermark()

    def work(tx: Transaction) -> None:
        put_units(tx, record_activity(tx, OWNER, "test"), [passage("p1")])
        raise KeyError

    with pytest.raises(KeyError):
        store.write(work, operation="test", principal=OWNER)
    assert get_units(store, [CLASS], ["p1"]) == {}
    assert store.watermark() == before


def test_changes_are_numbered_without_gap(store: Store) -> None:
    """Each write takes the next number and names what it touched."""
    since = store.watermark()
    put(store, passage("p1"))
    retire(store, "p1")
    changes = store.changes(since)
    assert [c.seq - since for c in changes] == [1, 2]
    assert [c.units for c in changes] == [("p1",), ("p1",)]


def test_two_writers_of_the_same_units(store: Store) -> None:
    """Writers that put the same new units at once make one version each of them."""
    units = [passage(f"p{i}") for i in range(40)]
    errors: list[BaseException] = []

    def writer() -> None:
        try:
            put(store, *units)
        except BaseException as error:  # noqa: BLE001  # shown to the main thread
            errors.append(error)

    threads = [threading.Thread(target=writer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    rows = store.run_text("MATCH (v:Version) RETURN count(v), max(v.seq)", {}, write=False, limit=1)
    assert rows[1] == [[40, 1]]


def test_reading_cannot_write(store: Store) -> None:
    """The server itself refuses to write in a read-only run."""
    with pytest.raises(QueryFailed):
        store.run_text("CREATE (:Note)", {}, write=False, limit=1)


def test_row_limit_says_that_there_is_more(store: Store) -> None:
    """A limited answer says so."""
    columns, rows, more = store.run_text("UNWIND range(1, 5) AS n RETURN n", {}, write=False, limit=3)
    assert (columns, rows, more) == (["n"], [[1], [2], [3]], True)
    assert store.run_text("UNWIND range(1, 3) AS n RETURN n", {}, write=False, limit=3)[2] is False
