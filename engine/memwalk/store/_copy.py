# SPDX-License-Identifier: Apache-2.0
"""A graph copied whole into an empty database, whose files have never held what was deleted from the first."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from memwalk.errors import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memwalk.progress import Progress
    from memwalk.store._client import Store

__all__ = ["copy_graph"]

_BATCH = 2_000
_INDEX_SECONDS = 3_600
Row = dict[str, Any]


def copy_graph(source: Store, target: Store, progress: Progress | None = None) -> tuple[int, int]:
    """Copy every node, edge, property, constraint and index into an empty database.

    Nobody may write to the source meanwhile. Vectors stay 32-bit floats.

    Returns
    -------
    nodes, edges
        How many there are, counted in both databases.

    Raises
    ------
    QueryFailed
        The target is not empty, or does not hold what the source does.
    """
    if any(_counts(target)):
        raise QueryFailed("copy", "", "the database to copy into is not empty")
    nodes, edges = _counts(source)
    copied: dict[str, str] = {}
    done = 0
    for rows in _batches(source.stream("store/stream_nodes")):
        made = _write(target, "store/create_nodes", [_plain(row) for row in rows])
        copied |= zip((row["id"] for row in rows), (row["id"] for row in made), strict=True)
        vectors = [{"id": copied[row["id"]], "vector": row["vector"]} for row in rows if row["vector"] is not None]
        if vectors:
            _write(target, "store/set_node_vectors", vectors)
        done += len(rows)
        if progress:
            progress("nodes", done, nodes)
    done = 0
    for rows in _batches(source.stream("store/stream_edges")):
        ends = [{**row, "source": copied[row["source"]], "target": copied[row["target"]]} for row in rows]
        _write(target, "store/create_edges", ends)
        done += len(rows)
        if progress:
            progress("edges", done, edges)
    for row in source.read("store/list_schema"):
        target.run_schema(row["statement"])
    target.read("store/await_indexes", seconds=_INDEX_SECONDS)
    if _counts(target) != (nodes, edges):
        raise QueryFailed("copy", "", f"{_counts(target)} nodes and edges were copied of {(nodes, edges)}")
    return nodes, edges


def _counts(store: Store) -> tuple[int, int]:
    row = store.read("store/count_all")[0]
    return int(row["nodes"]), int(row["edges"])


def _write(target: Store, query: str, rows: list[Row]) -> list[Row]:
    # Nothing is touched: the change sequence is copied as it is.
    return target.write(lambda tx: tx.run(query, rows=rows), operation="copy", principal="")


def _plain(row: Row) -> Row:
    return {"labels": row["labels"], "properties": {k: v for k, v in row["properties"].items() if k != "vector"}}


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
