# SPDX-License-Identifier: Apache-2.0
"""Purge in the graph: what was said is gone with all that was made of it; what others say stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memwalk import policy
from memwalk.errors import NotFound
from memwalk.store import FOREVER
from memwalk.units import (
    NewUnit,
    State,
    claim_payload,
    finish_erasures,
    get_units,
    list_erasures,
    purge_units,
    put_units,
    record_activity,
    retire_units,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memwalk.store import Store, Transaction
    from memwalk.units import Purged

OWNER = "owner"
CLASS = policy.right_of("default")
SECRET = "The cipher of the Admiral is xyzzy, and nobody else knows it."


def put(store: Store, *units: NewUnit) -> None:
    """Put units in one transaction."""

    def work(tx: Transaction) -> None:
        put_units(tx, record_activity(tx, OWNER, "test"), units)

    store.write(work, operation="test", principal=OWNER)


def purge(store: Store, *ids: str) -> Purged:
    """Purge units in one transaction."""
    return store.write(
        lambda tx: purge_units(tx, record_activity(tx, OWNER, "purge"), ids), operation="purge", principal=OWNER
    )


def unit(unit_id: str, kind: str, text: str = "", **more: object) -> NewUnit:
    """A unit of the default space."""
    space = None if kind in {"Entity", "Fact"} else "default"
    return NewUnit(unit_id, kind, str(more.pop("name", unit_id)), text, space, **more)  # type: ignore[arg-type]


def link(store: Store, query: str, *rows: Mapping[str, object]) -> None:
    """Write edges."""

    def work(tx: Transaction) -> None:
        tx.run(query, rows=list(rows), at=tx.at, forever=FOREVER)

    store.write(work, operation="test", principal=OWNER)


def ids(store: Store) -> set[str]:
    """Ids of all units there are, whatever their state."""
    return {row[0] for row in store.run_text("MATCH (u:Unit) RETURN u.id", {}, write=False, limit=1_000)[1]}


def strings(store: Store) -> str:
    """Every string property of every node and edge, in one text."""
    text = """
    MATCH (n) UNWIND keys(n) AS key WITH n[key] AS value WHERE valueType(value) STARTS WITH 'STRING' RETURN value
    UNION MATCH ()-[e]->() UNWIND keys(e) AS key WITH e[key] AS value WHERE valueType(value) STARTS WITH 'STRING'
    RETURN value"""
    return "\n".join(row[0] for row in store.run_text(text, {}, write=False, limit=100_000)[1])


@pytest.fixture
def world(store: Store) -> Store:
    """A document of a passage that says a secret, what was made of it, and another that shares an entity."""
    put(store, unit("doc", "Document", name="Orders of the Admiral"), unit("other", "Document"))
    put(
        store,
        unit("said", "Passage", SECRET, derived_from=(("doc", 1),)),
        unit("plain", "Passage", "Paris is a town.", derived_from=(("other", 1),)),
        unit("cipher", "Entity", name="the cipher of the admiral"),
        unit("paris", "Entity", name="paris"),
    )
    put(store, unit("said", "Passage", SECRET + " Paris, 1801.", derived_from=(("doc", 1),)))
    parts = [{"source": "doc", "target": "said"}, {"source": "other", "target": "plain"}]
    link(store, "units/create_has_part_edges", *parts)
    evidence = [("cipher", "said", 1), ("cipher", "said", 2), ("paris", "said", 2), ("paris", "plain", 1)]
    link(store, "units/create_evidence", *({"id": e, "source": p, "source_seq": s, "count": 1} for e, p, s in evidence))
    version = {
        "payload": "f" * 64,
        "fingerprint": "f",
        "adapters": "",
        "tokens": 1,
        "bytes": 1,
        "source_order": ["said"],
    }
    put(store, unit("block", "KVBlock", version=version, derived_from=(("said", 1),)))
    put(store, unit("summary", "Summary", "There is a cipher.", derived_from=(("said", 2),)))
    put(store, unit("chat", "Conversation"))
    asked = {"role": "user", "ordinal": 0}
    put(
        store,
        unit("asked", "Message", "What is the secret?", properties=asked),
        unit("quoting", "Message", f"I read: {SECRET}", properties=asked | {"ordinal": 2}),
        unit("harmless", "Message", "What is Paris?", properties=asked | {"ordinal": 3}),
    )
    answer = {"role": "assistant", "ordinal": 1}
    put(store, unit("answer", "Message", "xyzzy", properties=answer, derived_from=(("said", 2), ("asked", 1))))
    messages = ("asked", "answer", "quoting", "harmless")
    link(store, "units/create_has_part_edges", *({"source": "chat", "target": message} for message in messages))
    link(store, "units/create_next_edges", {"source": "asked", "target": "answer"})

    def generate(tx: Transaction) -> None:
        activity = record_activity(tx, OWNER, "generate", "What does the Admiral hide?")
        rows = [{"id": "said", "seq": 2, "form": "context", "loadable": ""}]
        tx.run("runtime/record_generation", activity=activity, rows=rows)
        record_activity(tx, OWNER, "generate", "What is Paris?")
        tx.touch(activity)

    store.write(generate, operation="generate", principal=OWNER)
    return store


def test_purged_with_all_that_was_made_of_it(world: Store) -> None:
    """Versions, derived units of every depth, answers and their questions, quotations, names: none is left."""
    purged = purge(world, "doc")
    gone = {"doc", "said", "cipher", "block", "summary", "answer", "asked", "quoting"}
    assert set(purged.units) == gone
    assert ids(world) == {"other", "plain", "paris", "chat", "harmless"}
    left = strings(world)
    assert not [secret for secret in ("cipher", "xyzzy", "Admiral", "secret") if secret in left]
    assert "What is Paris?" in left
    assert purged.blanked == 1
    assert purged.payloads == ("f" * 64,) == tuple(list_erasures(world))
    assert world.changes(0)[-1].operation == "purge"
    assert set(world.changes(0)[-1].units) >= gone
    with pytest.raises(NotFound):
        policy.require_unit_role(world, OWNER, "admin", ["said"])


def test_what_others_say_stays(world: Store) -> None:
    """An entity that another passage evidences stays; one that only retired passages evidence is retired."""
    purge(world, "said")
    assert {"doc", "other", "plain", "paris"} <= ids(world)
    assert set(get_units(world, [CLASS], ["paris"])) == {"paris"}
    put(world, unit("third", "Passage", "Paris again."))
    link(world, "units/create_evidence", {"id": "paris", "source": "third", "source_seq": 1, "count": 1})
    world.write(
        lambda tx: retire_units(tx, record_activity(tx, OWNER, "test"), ["plain"]), operation="test", principal=OWNER
    )
    purge(world, "third")
    assert get_units(world, [CLASS], ["paris"]) == {}
    states = world.run_text("MATCH (u:Unit {id: 'paris'}) RETURN u.state", {}, write=False, limit=1)[1]
    assert states == [[State.RETIRED]]


def test_retired_units_are_purged_too(world: Store) -> None:
    """A tombstone does not keep what its unit said."""
    world.write(
        lambda tx: retire_units(tx, record_activity(tx, OWNER, "test"), ["doc", "said"]),
        operation="test",
        principal=OWNER,
    )
    assert SECRET in strings(world)
    purge(world, "doc")
    assert SECRET not in strings(world)


def test_a_purged_id_can_be_added_again(world: Store) -> None:
    """Content that is added again after its purge is a new unit with a first version."""
    purge(world, "said")
    put(world, unit("said", "Passage", "Other words.", derived_from=(("doc", 1),)))
    assert get_units(world, [CLASS], ["said"])["said"].seq == 1


def test_what_is_purged_cannot_be_built_on(world: Store) -> None:
    """A version that is gone is no source; nothing is written."""
    purge(world, "said")
    with pytest.raises(NotFound, match="said"):
        put(world, unit("late", "Summary", "late", derived_from=(("said", 2),)))
    assert "late" not in ids(world)


def test_a_payload_that_is_named_again_is_kept(world: Store) -> None:
    """A payload on the list of erasures that somebody claims or names is not deleted."""
    payload = "f" * 64

    def finish() -> list[str]:
        return world.write(lambda tx: finish_erasures(tx, [payload]), operation="test", principal=OWNER)

    purge(world, "block")
    assert list_erasures(world) == [payload]
    world.write(lambda tx: claim_payload(tx, payload), operation="test", principal=OWNER)
    assert (list_erasures(world), finish()) == ([], [])
    put(world, unit("block", "KVBlock", version={"payload": payload}, derived_from=(("plain", 1),)))
    purge(world, "block")
    put(world, unit("next", "KVBlock", version={"payload": payload}, derived_from=(("plain", 1),)))
    assert finish() == []
    purge(world, "next")
    assert finish() == [payload]


def test_a_shared_entity_goes_with_its_last_evidence_whatever_the_clocks_say(world: Store) -> None:
    """A writer whose clock is ahead retired the one passage, the other is purged: nothing says so any more."""

    def ahead(tx: Transaction) -> list[str]:
        tx.at += 60_000
        return retire_units(tx, record_activity(tx, OWNER, "test"), ["plain"])

    assert world.write(ahead, operation="test", principal=OWNER) == ["plain"]
    purge(world, "doc")
    assert "paris" in ids(world)
    assert world.run_text("MATCH (u:Unit {id: 'paris'}) RETURN u.state", {}, write=False, limit=1)[1] == [["retired"]]
