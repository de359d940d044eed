# SPDX-License-Identifier: Apache-2.0
"""Documents that are written and retired part by part: never taken for whole before they are, stopped at any part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.documents_world import Act, World

from memwalk.ingest import Source, _rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from memwalk.store import Transaction

BATCH = 3
"""Passages that a transaction writes or retires (the `world` fixture)."""
BOOK = Act("write", "home", "b.txt", sentences=(0, 1, 3, 5, 2, 4, 1, 0, 5))
OTHER = BOOK._replace(sentences=(6, *reversed(BOOK.sentences)))


class StoppedError(Exception):
    """What stops an `add` between two transactions."""


@pytest.fixture
def stop(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Lets so many writes commit, and stops the next; None: lets all."""
    write = world.store.write
    left: list[int] = []

    def counted(work: Callable[[Transaction], Any], *, operation: str, principal: str) -> Any:
        if left:
            if not left[0]:
                raise StoppedError
            left[0] -= 1
        return write(work, operation=operation, principal=principal)

    def after(writes: int | None) -> None:
        left[:] = [] if writes is None else [writes]

    monkeypatch.setattr(world.store, "write", counted)
    return after


def rows(world: World, text: str) -> list[list[Any]]:
    """What a query finds."""
    return world.store.run_text(text, {}, write=False, limit=999)[1]


def passages(world: World) -> dict[str, str]:
    """The live passages: id and text."""
    return {row[0]: row[1] for row in rows(world, "MATCH (p:Passage {state: 'live'}) RETURN p.id, p.text")}


def unfinished(world: World) -> list[Any]:
    """What the live documents say of being unfinished."""
    return [row[0] for row in rows(world, "MATCH (d:Document {state: 'live'}) RETURN d.unfinished")]


def most_at_a_time(world: World) -> int:
    """The most versions of passages, tombstones included, that one activity made."""
    made = "MATCH (a:Activity)<-[:WAS_GENERATED_BY]-(v:Version {kind: 'Passage'}) RETURN a.id, count(v)"
    return int(max(row[1] for row in rows(world, made)))


def add_until_stopped(world: World) -> bool:
    """Add the folder; whether it came through."""
    try:
        world.add("home")
    except StoppedError:
        return False
    return True


def test_stopped_after_each_part_and_gone_on_with(world: World, stop: Callable[[int | None], None]) -> None:
    """Each `add` gets one part further, and reads again what was under way at most; unfinished until the last."""
    world.begin()
    world.act(BOOK)
    total = len(_wanted(world))
    counts = [0]
    stop(2)  # the head, and a part
    while not add_until_stopped(world):
        assert unfinished(world) == ["add"]
        assert world.models.asked()[0] == min(total - counts[-1], 2 * BATCH)
        counts.append(len(passages(world)))
        stop(2)
    assert counts == [*range(0, total, BATCH), total]
    assert unfinished(world) == [None]
    assert world.models.asked() == (0, 0)
    assert (world.reports[-1].documents, world.reports[-1].passages) == (1, 0)
    assert most_at_a_time(world) == BATCH
    stop(None)
    world.add("home")
    assert (world.reports[-1].documents, world.reports[-1].unchanged) == (0, 1)
    world.compare()


def test_what_a_document_said_stays_until_the_new_is_there(world: World, stop: Callable[[int | None], None]) -> None:
    """A long document changes, stopped twice: nothing is retired before all of the new text is there."""
    world.begin()
    world.act(BOOK)
    world.add("home")
    before = passages(world)
    world.act(OTHER)
    wanted = {piece.text for piece in _wanted(world)}
    assert len(before.keys() - {unit for unit, text in before.items() if text in wanted}) > BATCH
    stop(1 + -(-len(_wanted(world)) // BATCH))  # the head, and all parts
    assert not add_until_stopped(world)
    assert before.keys() <= passages(world).keys()
    assert wanted <= set(passages(world).values())
    assert unfinished(world) == ["add"]
    stop(2)  # the head, and some of what is wanted no longer
    assert not add_until_stopped(world)
    assert len(before.keys() - passages(world).keys()) == BATCH
    assert wanted <= set(passages(world).values())
    assert unfinished(world) == ["add"]
    stop(None)
    world.add("home")
    assert set(passages(world).values()) == wanted
    assert unfinished(world) == [None]
    assert most_at_a_time(world) == BATCH
    world.compare()


def _wanted(world: World) -> list[_rows.Piece]:
    """The passages of the file as it is."""
    text = (world.root / "home" / "b.txt").read_text(encoding="utf-8")
    source = Source("file:b", "b", text, "text")
    return list(_rows.cut_source(source, _rows.document_unit(source, "home", "x"), world.models.spans))


@pytest.mark.parametrize("other", [OTHER, BOOK])
def test_of_two_who_write_one_document_one_is_whole(world: World, other: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another adds the document, changed or as it is, between two parts: no mixture of the two is left."""
    world.begin()
    world.act(BOOK)
    write = world.store.write
    writes: list[str] = []

    def after_another(work: Callable[[Transaction], Any], *, operation: str, principal: str) -> Any:
        writes.append(operation)
        if len(writes) == 3:
            world.act(other)
            world.add("home")
            world.act(BOOK)
        return write(work, operation=operation, principal=principal)

    monkeypatch.setattr(world.store, "write", after_another)
    world.add("home")
    assert [report.documents for report in world.reports[-2:]] == ([1, 1] if other is OTHER else [1, 0])
    assert unfinished(world) == [None]
    world.compare()


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_long_document_vanishes_part_by_part(
    world: World, stop: Callable[[int | None], None], *, comes_back: bool
) -> None:
    """Stopped half way it is there and unfinished; the next `add --prune` goes on, or writes it again."""
    world.begin()
    world.act(BOOK)
    world.act(Act("write", "home", "below/c.md", sentences=(4,)))
    world.add("home")
    count = len(passages(world))
    (world.root / "home" / "b.txt").unlink()
    stop(3)  # the head, and two parts
    assert not add_until_stopped(world)
    assert sorted(unfinished(world), key=str) == [None, "prune"]
    assert len(passages(world)) == count - 2 * BATCH
    stop(None)
    if comes_back:
        world.act(BOOK)
        world.models.asked()
        world.add("home")
        assert world.models.asked() == (0, 0)
        assert len(passages(world)) == count
    else:
        world.add("home")
        assert world.reports[-1].pruned == 1
        assert len(passages(world)) == 1
    assert most_at_a_time(world) == BATCH
    assert set(unfinished(world)) == {None}
    world.compare()


def test_a_long_document_becomes_short(world: World) -> None:
    """What it had too much of is retired part by part, and the live graph is that of the short one."""
    world.begin()
    world.act(BOOK)
    world.add("home")
    world.act(BOOK._replace(sentences=(4,)))
    world.add("home")
    assert len(passages(world)) == 1
    assert most_at_a_time(world) == BATCH
    world.compare()


def test_a_changed_word_costs_its_part(world: World) -> None:
    """Parts that are there as they shall be are not written again."""
    world.begin()
    world.act(BOOK)
    world.add("home")
    watermark = world.store.watermark()
    world.act(BOOK._replace(sentences=(*BOOK.sentences, 4)))
    world.add("home")
    assert len(world.store.changes(watermark)) <= 4  # the head twice, the last part, and one that it pushed on
    world.compare()
