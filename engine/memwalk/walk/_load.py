# SPDX-License-Identifier: Apache-2.0
"""Reading the walk graph of some policy classes from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memwalk.errors import StoreBusy
from memwalk.store import FOREVER
from memwalk.units import DERIVED
from memwalk.walk._graph import Edge, Node, WalkGraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memwalk.store import Store

__all__ = ["load_walk_graph"]

_ATTEMPTS = 5


def load_walk_graph(store: Store, classes: Sequence[str]) -> WalkGraph:
    """Read the graph that a store without the unreadable would have.

    Every query is limited to the policy classes. Stale notes and summaries are left out. An entity or
    fact is there if a passage of these classes evidences it, with a count over such passages only, and
    an edge if both its ends are.

    Parameters
    ----------
    store : Store
    classes : sequence of str
        Keys of the policy classes the principal may read.

    Raises
    ------
    StoreBusy
        Every time it was read, somebody committed meanwhile.
    """
    keys = sorted(set(classes))
    for _ in range(_ATTEMPTS):
        before = store.watermark()
        graph = WalkGraph.build(_nodes(store, keys), _edges(store, keys), before)
        if store.watermark() == before:
            return graph
    raise StoreBusy("the graph changed each time it was read; try again")


def _nodes(store: Store, classes: list[str]) -> Iterator[Node]:
    for row in store.stream("walk/list_passages", classes=classes):
        yield Node(row["id"], "Passage", row["name"], row["text"], row["space"], row["seq"], row["vector"])
    for row in store.stream("walk/list_notes", classes=classes, derived=list(DERIVED)):
        yield Node(row["id"], row["kind"], row["name"], row["text"], row["space"], row["seq"], row["vector"])
    for row in store.stream("walk/list_entities", classes=classes, forever=FOREVER):
        yield Node(row["id"], "Entity", row["name"], "", "", row["seq"], row["vector"])
    for row in store.stream("walk/list_facts", classes=classes, forever=FOREVER):
        yield Node(row["id"], "Fact", row["name"], row["text"], "", row["seq"], row["vector"])


def _edges(store: Store, classes: list[str]) -> Iterator[Edge]:
    for row in store.stream("walk/list_statements", classes=classes, forever=FOREVER):
        yield Edge("FACT", row["subject"], row["object"], row["count"], row["id"])
    for row in store.stream("walk/list_mentions", classes=classes, forever=FOREVER):
        for entity, count in zip(row["mentions"], row["counts"], strict=True):
            yield Edge("MENTIONS", row["id"], entity, count)
        for entity in row["about"]:
            yield Edge("ABOUT", row["id"], entity)
    for row in store.stream("walk/list_order", classes=classes, forever=FOREVER):
        yield Edge("NEXT", row["source"], row["target"])
    for row in store.stream("walk/list_synonyms", classes=classes, forever=FOREVER):
        yield Edge("SIMILAR_TO", row["source"], row["target"], row["score"])
