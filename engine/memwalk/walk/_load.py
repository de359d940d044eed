# SPDX-License-Identifier: Apache-2.0
"""Reading the walk graph from the store: whole, or what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.store import FOREVER
from memwalk.units import DERIVED
from memwalk.walk._graph import WalkGraph
from memwalk.walk._records import Changes, Entity, Fact, Reading
from memwalk.walk._search import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memwalk.progress import Progress
    from memwalk.store import Reader, Store

__all__ = ["catch_up", "load_walk_graph", "read_contents"]

_PAGE = 1_000
_CHANGES = 1_000
_MANY = 10_000
"""Units whose reading takes long enough to be told of."""
_ATTEMPTS = 3
_UNTOLD = frozenset({"import", "discard imports"})
"""Operations that join what they tell to passages that they need not tell."""


def load_walk_graph(store: Store, progress: Progress | None = None) -> WalkGraph:
    """Read the whole graph, entities and facts before what evidences them.

    Parameters
    ----------
    store : Store
    progress : Progress, optional
    """
    before = store.watermark()
    ids = [row["id"] for row in store.stream("walk/stream_ids")]
    graph = WalkGraph()
    for start in range(0, len(ids), _PAGE):
        graph.apply(_read(store, ids[start : start + _PAGE]), before)
        if progress and len(ids) > _MANY:
            progress("walk graph", min(start + _PAGE, len(ids)), len(ids))
    graph = WalkGraph(graph.packed())
    catch_up(store, graph)
    return graph


def catch_up(store: Store, graph: WalkGraph) -> int:
    """Bring a graph up to the store's present; returns how many units had to be read.

    What was committed while it read is read as well; if there is something each time, writers wait for
    the last bit.
    """
    count = 0
    for _ in range(_ATTEMPTS):
        count += _follow(store, graph, store.watermark())
        if store.watermark() == graph.watermark:
            return count
    with store.paused() as reader:
        upto = reader.read("store/get_watermark")[0]["seq"]
        return count + _follow(reader, graph, upto)


def _follow(reader: Reader, graph: WalkGraph, upto: int) -> int:
    """Take in all changes up to a number."""
    count = 0
    while graph.watermark < upto:
        rows = reader.read("store/list_changes", since=graph.watermark, upto=upto, limit=_CHANGES)
        ids = {unit for row in rows for unit in row["units"]}
        joined = {unit for row in rows if row["operation"] in _UNTOLD for unit in row["units"]}
        last = rows[-1]["seq"]
        more = [
            *reader.read("walk/list_parts", ids=sorted(ids), forever=FOREVER),
            *reader.read("walk/list_sources", ids=sorted(joined), forever=FOREVER),
            *reader.read("walk/list_dependents", ids=sorted(ids), kinds=["Note", "Summary"]),
        ]
        due = sorted(ids.union(row["id"] for row in more))
        graph.apply(_read(reader, due), last)
        count += len(due)
    return count


def _read(reader: Reader, ids: Sequence[str]) -> Changes:
    """These units as they are now; those that are not walked are among the gone."""
    entities = [
        Entity(row["id"], row["seq"], row["vector"], [(other, score) for other, score in row["similar"]])
        for row in reader.read("walk/get_entities", ids=ids, forever=FOREVER)
    ]
    facts = [
        Fact(row["id"], row["seq"], row["vector"], row["subject"], row["object"])
        for row in reader.read("walk/get_facts", ids=ids)
    ]
    readings = list(_readings(reader, ids))
    there = {unit.id for units in (entities, facts, readings) for unit in units}
    return Changes(readings, entities, facts, [unit for unit in ids if unit not in there])


def _readings(reader: Reader, ids: Sequence[str]) -> Iterator[Reading]:
    passages = reader.read("walk/get_passages", ids=ids, forever=FOREVER)
    for row in [*passages, *reader.read("walk/get_notes", ids=ids, derived=list(DERIVED))]:
        yield Reading(
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


def read_contents(reader: Reader, ids: Iterable[str], classes: Sequence[str]) -> dict[str, Content]:
    """What units say, those that may not be read left out."""
    rows = reader.read("walk/get_contents", ids=sorted(set(ids)), classes=list(classes), forever=FOREVER)
    return {row["id"]: Content(row["name"], row["text"], row["seq"]) for row in rows}
