# SPDX-License-Identifier: Apache-2.0
"""What came back has its history, and a time that a source states is the source's to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conftest import OWNER
from tests.documents_world import Act, World

from memwalk.store import FOREVER
from memwalk.units import NewUnit, UnitChange, put_units, record_activity, retire_units, update_units

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.store import Store, Transaction

SPAN = "MATCH (u {id: 'p'}) RETURN u.valid_from, u.valid_to, u.tags"


def test_synonyms_that_come_back_are_joined_anew(world: World) -> None:
    """The edge that ended stays as it was, so that the graph as of then has it; another begins."""
    world.begin()
    act = Act("write", "home", "b.txt", sentences=(0, 2))
    world.act(act)
    world.add("home")
    spans = "MATCH (a)-[r:SIMILAR_TO]->(b) RETURN a.name, b.name, r.tx_from, r.tx_to ORDER BY a.name, b.name, r.tx_from"
    before = _rows(world.store, spans)
    assert before
    assert {row[3] for row in before} == {FOREVER}
    world.act(Act("remove", "home", "b.txt"))
    world.forget("home")
    world.act(act)
    world.add("home")
    after = _rows(world.store, spans)
    assert [row[:3] for row in after[::2]] == [row[:3] for row in before]
    assert all(
        first[3] <= second[2] and second[3] == FOREVER for first, second in zip(after[::2], after[1::2], strict=True)
    )


def test_a_stated_time_is_the_sources(store: Store) -> None:
    """It is set, changed and taken away by what the source states, also when the passage comes back; tags stay."""

    def passage(time: int | None) -> NewUnit:
        version = {} if time is None else {"stated_from": time}
        return NewUnit("p", "Passage", "log", "said", "default", version=version, valid_from=time, keeps=True)

    def put(time: int | None) -> list[Any]:
        _write(store, lambda tx, activity: put_units(tx, activity, [passage(time)]))
        return _rows(store, SPAN)[0]

    assert put(5) == [5, None, None]
    change = UnitChange("p", 1, {"tags": ("x",), "valid_to": 9})
    _write(store, lambda tx, activity: update_units(tx, activity, [change]))
    assert put(6) == [6, 9, ["x"]]
    assert put(None) == [None, 9, ["x"]]
    put(7)
    _write(store, lambda tx, activity: retire_units(tx, activity, ["p"]))
    assert put(7) == [7, None, None]


def test_a_time_that_somebody_gave_stays(store: Store) -> None:
    """Where the source states none, the validity that people gave survives a new version."""

    def put(text: str) -> None:
        unit = NewUnit("p", "Passage", "log", text, "default", keeps=True)
        _write(store, lambda tx, activity: put_units(tx, activity, [unit]))

    put("said")
    change = UnitChange("p", 1, {"valid_from": 3})
    _write(store, lambda tx, activity: update_units(tx, activity, [change]))
    put("said otherwise")
    assert _rows(store, SPAN) == [[3, None, None]]


def _rows(store: Store, text: str) -> list[list[Any]]:
    return store.run_text(text, {}, write=False, limit=99)[1]


def _write(store: Store, work: Callable[[Transaction, str], object]) -> None:
    store.write(lambda tx: work(tx, record_activity(tx, OWNER, "test")), operation="test", principal=OWNER)
