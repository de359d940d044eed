# SPDX-License-Identifier: Apache-2.0
"""What was read and embedded in a space before costs nothing there, and what other spaces hold makes no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import OWNER
from tests.documents_world import Act, World, fresh

from memwalk.units import forget_units, purge_units, record_activity

if TYPE_CHECKING:
    from memwalk.ingest import AddReport

LONG = Act("write", "home", "ada.md", title="Ada", sentences=(0, 1, 3, 5, 2))


@pytest.fixture
def begun(world: World) -> World:
    """A document of several passages."""
    world.begin()
    world.act(LONG)
    world.add("home")
    world.models.asked()
    return world


def last(world: World) -> AddReport:
    """The last report."""
    return world.reports[-1]


def test_a_moved_document_costs_nothing(begun: World) -> None:
    """Renamed and pruned: no passage is read, nothing is embedded, and the report says so."""
    count = begun.reports[0].passages
    assert (begun.reports[0].extracted, begun.reports[0].embedded) == (count, count)
    begun.act(Act("move", "home", "ada.md", "below/c.md"))
    begun.add("home")
    assert begun.models.asked() == (0, 0)
    report = last(begun)
    assert (report.documents, report.passages, report.pruned, report.retired) == (1, count, 1, count)
    assert (report.extracted, report.extractions_reused) == (0, count)
    assert (report.embedded, report.embeddings_reused) == (0, count)
    begun.compare()


def test_a_document_that_comes_back_costs_nothing(begun: World) -> None:
    """Forgotten and added again: what it said is taken from what was retired, entities and facts included."""
    rows = begun.store.run_text("MATCH (d:Document) RETURN d.id", {}, write=False, limit=9)[1]
    begun.store.write(lambda tx: forget_units(tx, [rows[0][0]]), operation="forget", principal=OWNER)
    assert begun.store.run_text("MATCH (u:Unit {state: 'live'}) RETURN count(u)", {}, write=False, limit=1)[1] == [[0]]
    begun.add("home")
    assert begun.models.asked() == (0, 0)
    assert last(begun).extractions_reused == last(begun).passages > 1
    begun.compare()


def test_passages_that_only_moved_cost_nothing(begun: World) -> None:
    """A sentence at the end changes the place of none before it; one at the beginning, of all after it."""
    begun.act(LONG._replace(sentences=(*LONG.sentences, 6)))
    begun.add("home")
    assert last(begun).extracted == last(begun).embedded <= 2
    begun.models.asked()
    before = _texts(begun)
    begun.act(LONG._replace(sentences=(6, *LONG.sentences, 6)))
    begun.add("home")
    new = _texts(begun) - before
    assert last(begun).embedded == len(new)
    assert last(begun).passages > len(new)
    begun.compare()


def test_another_extractor_reads_again_and_embeds_nothing(begun: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another extractor had read is not taken over; the vectors of the same passages are."""
    monkeypatch.setattr(begun.models, "name", "another")
    begun.add("home")
    count = begun.reports[0].passages
    assert (last(begun).extracted, last(begun).extractions_reused) == (count, 0)
    assert (last(begun).embedded, last(begun).embeddings_reused) == (0, count)
    assert begun.models.asked() == (count, 0)


def test_what_another_space_holds_saves_nothing(begun: World) -> None:
    """The same document in another space is read and embedded as in an empty store: no time saved tells of it."""
    begun.act(LONG._replace(space="work"))
    begun.add("work")
    cost, report = begun.models.asked(), last(begun)
    fresh(begun.store)
    begun.add("work")
    assert begun.models.asked() == cost
    alone = last(begun)
    alone.seconds = report.seconds
    assert alone == report


def test_a_purge_empties_the_cache(begun: World) -> None:
    """What was purged is read and embedded again as if it had never been there."""
    (unit,) = begun.store.run_text("MATCH (d:Document) RETURN d.id", {}, write=False, limit=9)[1][0]
    begun.store.write(
        lambda tx: purge_units(tx, record_activity(tx, OWNER, "purge"), [unit]), operation="purge", principal=OWNER
    )
    begun.add("home")
    read, embedded = begun.models.asked()
    assert read == last(begun).passages == last(begun).extracted
    assert embedded > read


def test_the_title_of_what_opened_a_document_is_not_taken_along(begun: World) -> None:
    """A first passage mentions its title in any case; when its text moves on, it mentions it only if it says it."""
    begun.act(Act("write", "home", "Ada.md", title="Mary Somerville", sentences=(0, 4, 4, 4)))
    begun.add("home")
    begun.act(Act("write", "home", "Ada.md", title="Mary Somerville", sentences=(4, 4, 0, 4)))
    begun.add("home")
    begun.compare()


def test_a_retired_unit_keeps_its_vector_out_of_the_index(begun: World) -> None:
    """A retired unit has no vector that a search could find; the one it had lies aside until it lives again."""
    count = "MATCH (u:Unit) WHERE u.{} IS NOT NULL RETURN u.state, count(u) ORDER BY u.state"

    def counts(name: str) -> list[list[object]]:
        return begun.store.run_text(count.format(name), {}, write=False, limit=9)[1]

    before = counts("vector")
    (begun.root / "home" / "ada.md").unlink()
    begun.forget("home")
    assert counts("vector") == []
    assert counts("kept") == [["retired", before[0][1]]]
    begun.act(LONG)
    begun.add("home")
    assert (counts("vector"), counts("kept")) == (before, [])


def _texts(world: World) -> set[str]:
    rows = world.store.run_text("MATCH (p:Passage {state: 'live'}) RETURN p.text", {}, write=False, limit=99)[1]
    return {row[0] for row in rows}
