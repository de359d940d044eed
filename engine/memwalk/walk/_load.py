# SPDX-License-Identifier: Apache-2.0
"""Reading the walk graph from the store, of now or as of a moment: whole, or what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.store import FOREVER
from memwalk.units import DERIVED
from memwalk.walk._graph import WalkGraph
from memwalk.walk._past import PRESENT, contents_as_of, ids_as_of, rows_as_of
from memwalk.walk._records import Changes, Entity, Fact, Reading
from memwalk.walk._search import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memwalk.progress import Progress
    from memwalk.store import Reader, Store
    from memwalk.walk._past import Moment

    Row = dict[str, Any]

__all__ = ["catch_up", "load_walk_graph", "read_contents"]

_PAGE = 1_000
_CHANGES = 1_000
_MANY = 10_000
"""Units whose reading takes long enough to be told of."""
_ATTEMPTS = 3
_UNTOLD = frozenset({"import", "discard imports"})
"""Operations that join what they tell to passages that they need not tell."""


def load_walk_graph(store: Store, progress: Progress | None = None, moment: Moment = PRESENT) -> WalkGraph:
    """Read the whole graph, entities and facts before what evidences them.

    Parameters
    ----------
    store : Store
    progress : Progress, optional
    moment : Moment
        When it is of; rights are those of now.
    """
    before = store.watermark()
    is_now = moment == PRESENT
    ids = [row["id"] for row in store.stream("walk/stream_ids")] if is_now else ids_as_of(store, moment)
    graph = WalkGraph()
    for start in range(0, len(ids), _PAGE):
        graph.apply(_read(store, ids[start : start + _PAGE], moment), before)
        if progress and len(ids) > _MANY:
            progress("walk graph", min(start + _PAGE, len(ids)), len(ids))
    graph = WalkGraph(graph.packed())
    catch_up(store, graph, moment)
    return graph


def catch_up(store: Store, graph: WalkGraph, moment: Moment = PRESENT) -> int:
    """Bring a graph up to the store's present; returns how many units had to be read.

    What was committed while it read is read as well; if there is something each time, writers wait for
    the last bit. A graph of the past changes too: what was purged goes, classes are those of now, and a
    write shows under the time it began at.
    """
    count = 0
    for _ in range(_ATTEMPTS):
        count += _follow(store, graph, store.watermark(), moment)
        if store.watermark() == graph.watermark:
            return count
    with store.paused() as reader:
        upto = reader.read("store/get_watermark")[0]["seq"]
        return count + _follow(reader, graph, upto, moment)


def _follow(reader: Reader, graph: WalkGraph, upto: int, moment: Moment) -> int:
    """Take in all changes up to a number."""
    count = 0
    while graph.watermark < upto:
        rows = reader.read("store/list_changes", since=graph.watermark, upto=upto, limit=_CHANGES)
        ids = {unit for row in rows for unit in row["units"]}
        joined = {unit for row in rows if row["operation"] in _UNTOLD for unit in row["units"]}
        last = rows[-1]["seq"]
        more = [
            *reader.read("walk/list_parts", ids=sorted(ids), at=moment.system),
            *reader.read("walk/list_sources", ids=sorted(joined), at=moment.system),
            *reader.read("walk/list_dependents", ids=sorted(ids), kinds=["Note", "Summary"]),
        ]
        due = sorted(ids.union(row["id"] for row in more))
        graph.apply(_read(reader, due, moment), last)
        count += len(due)
    return count


def _read(reader: Reader, ids: Sequence[str], moment: Moment) -> Changes:
    """These units as they are; those that are not walked are among the gone."""
    entity_rows, fact_rows, rows = _rows(reader, ids) if moment == PRESENT else rows_as_of(reader, ids, moment)
    entities = [
        Entity(row["id"], row["seq"], row["vector"], [(other, score) for other, score in row["similar"]])
        for row in entity_rows
    ]
    facts = [Fact(row["id"], row["seq"], row["vector"], row["subject"], row["object"]) for row in fact_rows]
    readings = [_reading(row) for row in rows]
    there = {unit.id for units in (entities, facts, readings) for unit in units}
    return Changes(readings, entities, facts, [unit for unit in ids if unit not in there])


def _rows(reader: Reader, ids: Sequence[str]) -> tuple[list[Row], list[Row], list[Row]]:
    """The entities, the facts, and what is read, among these units, as they are now."""
    entities = reader.read("walk/get_entities", ids=ids, forever=FOREVER)
    facts = reader.read("walk/get_facts", ids=ids)
    passages = reader.read("walk/get_passages", ids=ids, forever=FOREVER)
    return entities, facts, passages + reader.read("walk/get_notes", ids=ids, derived=list(DERIVED))


def _reading(row: Row) -> Reading:
    return Reading(
        id=row["id"],
        kind=row["kind"],
        space=row["space"],
        policy=row["policy"],
        seq=row["seq"],
        text=f"{row['name']}\n{row['text']}",
        vector=row["vector"],
        mentions=row.get("mentions", ()),
        about=row.get("about", ()),
        states=[(fact, count) for fact, count in row.get("states", ())],
        beside=row.get("beside", ()),
    )


def read_contents(
    reader: Reader, ids: Iterable[str], classes: Sequence[str], moment: Moment = PRESENT
) -> dict[str, Content]:
    """What units say, those that may not be read now left out."""
    wanted = sorted(set(ids))
    if moment == PRESENT:
        rows = reader.read("walk/get_contents", ids=wanted, classes=list(classes), forever=FOREVER)
    else:
        rows = contents_as_of(reader, wanted, classes, moment)
    return {row["id"]: Content(row["name"], row["text"], row["seq"]) for row in rows}
