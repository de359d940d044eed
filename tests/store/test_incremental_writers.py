# SPDX-License-Identifier: Apache-2.0
"""Several who add and remove at the same time: the graph is that of one after the other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tests.conftest import OWNER
from tests.documents_world import Act, World

from memwalk.units import forget_units, lock_units

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from memwalk.store import Transaction

ENGINE = Act("write", "home", "b.txt", sentences=(0,))
ENGINES = Act("write", "work", "b.txt", sentences=(2,))
DEADLINE = 120


def rows(world: World, text: str, **parameters: Any) -> list[list[Any]]:
    """What a query finds."""
    return world.store.run_text(text, parameters, write=False, limit=99)[1]


def test_of_two_who_add_the_later_joins_the_synonyms(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer's entities come between the preparation of a batch and its commit: their pairs are found."""
    world.begin()
    world.act(ENGINE)
    world.act(ENGINES)
    write = world.store.write
    late: list[str] = []

    def after_another(work: Callable[[Transaction], Any], *, operation: str, principal: str) -> Any:
        if operation == "add" and not late:
            late.append(principal)
            world.add("work")
        return write(work, operation=operation, principal=principal)

    monkeypatch.setattr(world.store, "write", after_another)
    world.add("home")
    pairs = "MATCH (a)-[r:SIMILAR_TO]->(b) RETURN a.name, b.name"
    assert late == [OWNER]
    assert len(rows(world, pairs)) > 0
    world.compare()


def test_evidence_that_is_being_written_keeps_an_entity(world: World) -> None:
    """The last evidence is forgotten while other evidence is under way: the entity stays, as its writer commits."""
    world.begin()
    world.act(ENGINE)
    world.add("home")
    (document,) = rows(world, "MATCH (d:Document) RETURN d.id")[0]
    world.act(ENGINE._replace(space="work"))
    (entity,) = rows(world, "MATCH (e:Entity {name: 'charles babbage'}) RETURN e.id")[0]

    def forget() -> None:
        world.store.write(lambda tx: forget_units(tx, [document]), operation="forget", principal=OWNER)

    forgetting = threading.Thread(target=forget)

    def add(tx: Transaction) -> None:
        lock_units(tx, [entity])
        forgetting.start()
        _wait_until_blocked(world)
        tx.run("units/create_evidence", rows=[_evidence(world, entity)], at=tx.at, forever=2**63 - 1)
        tx.touch(entity)

    world.add("work")
    (passage,) = rows(world, "MATCH (p:Passage {space: 'work'}) RETURN p.id")[0]
    # Its evidence ends, to be given again by the transaction that is under way.
    world.store.write(lambda tx: _end_evidence(tx, passage), operation="test", principal=OWNER)
    world.store.write(add, operation="test", principal=OWNER)
    forgetting.join()
    assert rows(world, "MATCH (e {id: $id}) RETURN e.state", id=entity) == [["live"]]


def _evidence(world: World, entity: str) -> dict[str, Any]:
    (passage, seq), *_ = rows(world, "MATCH (p:Passage {space: 'work'}) RETURN p.id, p.seq")
    return {"id": entity, "source": passage, "source_seq": seq, "count": 1}


def _end_evidence(tx: Transaction, passage: str) -> None:
    tx.run("units/end_passage_edges", rows=[{"id": passage, "seq": 2**31}], at=tx.at, forever=2**63 - 1)
    tx.touch(passage)


def _wait_until_blocked(world: World) -> None:
    """Wait until a transaction waits for another's lock."""
    deadline = time.monotonic() + DEADLINE
    while not rows(world, "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN status"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
