# SPDX-License-Identifier: Apache-2.0
"""Searching as of a time gives what a search gave then, under the rights of now; and only what held in the world.

Random chronicles are in the long tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import OWNER
from tests.documents_world import Act, Step
from tests.past_world import FRIEND, VISITOR, Chapter, Deed, Past, differences, now

from memwalk.errors import InvalidArgument
from memwalk.memory._past_graphs import KEPT
from memwalk.store import FOREVER
from memwalk.units import UnitChange, record_activity, update_units
from memwalk.walk import Moment

if TYPE_CHECKING:
    from tests.documents_world import World
    from tests.past_world import Answers

    from memwalk.config import Settings
    from memwalk.memory._session import Models
    from memwalk.store import Transaction
    from memwalk.walk import Result

ADA = Act("write", "home", "ada.md", title="Ada", sentences=(1, 3))
BABBAGE = Act("write", "work", "b.txt", sentences=(0, 5, 1))
CHAT = Act("write", "home", "chat.jsonl", sentences=(2, 6))
CHRONICLE: tuple[Chapter, ...] = (
    (Step((ADA, BABBAGE), forgets=False), (Deed("write", "home", 0, 0), Deed("write", "work", 1, 2))),
    (
        Step((CHAT, Act("remove", "work", "b.txt")), forgets=True),
        (Deed("write", "home", 0, 3), Deed("sum up", "home", 0, 4), Deed("share", "home", 0, 0)),
    ),
    (
        Step((BABBAGE, Act("move", "home", "ada.md", "Ada.md")), forgets=False),
        (Deed("tag", "home", 0, 0), Deed("edit", "work", 0, 5), Deed("forget", "work", 0, 0)),
    ),
    (
        Step((Act("write", "work", "b.txt", sentences=(0, 5)), Act("remove", "home", "chat.jsonl")), forgets=False),
        (Deed("revert", "work", 0, 0), Deed("revert", "home", 0, 0), Deed("edit", "home", 0, 2)),
    ),
)
"""Documents come, change, are forgotten, pruned and come back; notes are changed, tagged, forgotten and taken back."""


@pytest.fixture
def past(world: World, models: Models, settings: Settings) -> Past:
    """A memory of small documents and notes."""
    return Past(world, models, settings)


def test_as_of_equals_then(past: Past) -> None:
    """Whatever came after: units, versions, texts and scores are those of then, by push and by the exact engine."""
    past.begin()
    for chapter in CHRONICLE:
        past.live(chapter)
        past.check([next(iter(past.diary))])  # the graph of the first time is kept all along
    assert len({str(answers) for answers in past.diary.values()}) == len(CHRONICLE)
    past.reopen()
    past.check()
    assert len(past.memory._session._past._graphs) == KEPT


def test_what_was_purged_is_in_no_past(past: Past) -> None:
    """As of a time before a purge the answers are those of a store that never held what was purged."""
    note = Deed("write", "work", 0, 1)

    def begin(*acts: Act) -> None:
        past.begin()
        past.live((Step(acts, forgets=False), (note,)))

    begin(ADA)
    expected = past.answers()
    begin(ADA, BABBAGE)
    (at,) = past.diary
    memory = past.memory
    gone = {unit.id for unit in memory.list(space="work") if unit.kind != "Note"}
    (changed,) = [unit for unit in memory.list(space="work", kind="Passage") if "Babbage" in unit.text][:1]
    memory.update([{"id": changed.id, "version": 1, "text": "London."}])  # its first version keeps its vector
    assert differences(past.answers(at), expected) != []
    assert past.memory._session.store.run_text(
        "MATCH (v:Version {unit_id: $id, seq: 1}) RETURN v.vector IS NOT NULL", {"id": changed.id}, write=False, limit=1
    )[1] == [[True]]
    (document,) = memory.list(space="work", kind="Document")
    memory.purge(document.id)
    assert differences(past.answers(at), expected) == []
    with memory._session.walk_graph(Moment(at)) as graph:
        assert len(graph) == graph.nodes.count  # nothing of it is kept in memory
    past.reopen()
    assert differences(past.answers(at), expected) == []
    found = memory.search("Who designed the engine of Charles Babbage in London?", limit=50, at=at)
    assert found
    assert not gone & {unit for result in found for unit in (result.unit_id, *_passed(result))}


def test_rights_are_those_of_now(past: Past) -> None:
    """What may no longer be read does not come back by asking for the past; what may be read now shows as it was."""
    past.begin()
    past.memory.grant(VISITOR, "reader", space="work")
    past.live((Step((ADA, BABBAGE), forgets=False), ()))
    (at,) = past.diary
    of_one_space = _as(past.answers(asking=[OWNER]), VISITOR)
    assert differences(_as(past.answers(asking=[VISITOR]), VISITOR), of_one_space) == []
    past.memory.revoke(VISITOR, space="work")
    narrowed = past.answers(asking=[VISITOR])
    past.live((Step((Act("write", "home", "b.txt", sentences=(1, 2)),), forgets=False), ()))
    assert differences(past.answers(at, asking=[VISITOR]), narrowed) == []
    assert differences(narrowed, of_one_space) != []

    passage = past.memory.list(space="work", kind="Passage")[0]
    past.memory.update([{"id": passage.id, "version": 1, "text": "It was never so."}])
    assert not any(past.answers(at, asking=[FRIEND]).values())
    past.memory.grant(FRIEND, "reader", unit=passage.id)
    found = past.memory.as_principal(FRIEND).search(passage.text, at=at)
    assert [(result.unit_id, result.seq, result.text) for result in found] == [(passage.id, 1, passage.text)]
    past.memory.deny(FRIEND, "reader", unit=passage.id)
    assert past.memory.as_principal(FRIEND).search(passage.text, at=at) == []


def test_only_what_held_is_walked(past: Past) -> None:
    """In world time a walk is that of a store without what did not hold; bounds that nobody stated are open."""
    past.begin()
    past.live((Step((ADA, CHAT, BABBAGE), forgets=False), (Deed("write", "home", 0, 3),)))
    (before,) = past.diary
    memory, store = past.memory, past.world.store
    passage = next(unit for unit in memory.list(kind="Passage") if "Lovelace wrote" in unit.text)
    fact = next(unit for unit in memory.list(kind="Fact") if "taught" in unit.text)
    changes = [UnitChange(fact.id, 1, {"valid_to": 100_000}), UnitChange(passage.id, 1, {"valid_from": 50_000})]

    def restrict(tx: Transaction) -> None:
        heads = update_units(tx, record_activity(tx, OWNER, "test"), changes)
        row = {"id": passage.id, "seq": heads[passage.id]}
        tx.run("units/carry_evidence", rows=[row], at=tx.at, forever=FOREVER)

    store.write(restrict, operation="test", principal=OWNER)
    after = past.note()
    whole = past.diary[after]
    assert differences(past.answers(valid_at=75_000), whole) == []
    assert differences(past.answers(at=before, valid_at=10), past.answers(at=before, valid_at=200_000)) == []

    later, earlier = past.answers(valid_at=100_000), past.answers(valid_at=49_999)
    assert differences(past.answers(at=after, valid_at=100_000), later) == []
    with memory._session.walk_graph(Moment(None, 100_000)) as graph:
        assert graph.nodes.find(fact.id) < 0 <= graph.nodes.find(passage.id)
    assert passage.id not in {told.said[0] for ranked in earlier.values() for told in ranked}
    _delete(past, fact.id)
    past.reopen()
    assert differences(past.answers(), later) == []
    assert differences(later, whole) != []


def test_times_that_are_none(past: Past) -> None:
    """A time has to be one; before the first write nothing is found, and a time to come is like now."""
    past.begin()
    before = now()
    past.live((Step((ADA,), forgets=False), ()))
    assert not any(past.answers(at=before).values())
    assert differences(past.answers(at=2**50), past.answers()) == []
    for wrong in ("yesterday", 1.5, True, 2**62):
        for name in ("at", "valid_at"):
            with pytest.raises(InvalidArgument, match=name):
                past.memory.search("Ada", **{name: wrong})  # type: ignore[arg-type]
    assert past.memory.explain("Ada", at=before) == "nothing found"


def _as(answers: Answers, who: str) -> Answers:
    """The same answers, to somebody else."""
    return {(who, query, engine): ranked for (_, query, engine), ranked in answers.items()}


def _passed(result: Result) -> list[str]:
    return [unit for step in result.path for unit in (step.source_id, step.target_id)]


def _delete(past: Past, unit: str) -> None:
    """As if it never was."""
    text = "MATCH (u:Unit {id: $id}) OPTIONAL MATCH (u)-[:HEAD|PREVIOUS*1..]->(v) DETACH DELETE v, u"
    past.world.store.run_text(text, {"id": unit}, write=True, limit=1)
