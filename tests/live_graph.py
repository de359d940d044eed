# SPDX-License-Identifier: Apache-2.0
"""The whole live graph of a store by content, to be compared with another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memwalk.store import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.store import Store

__all__ = ["Graph", "differences", "live_graph"]

Graph = dict[str, dict[Any, Any]]

_UNITS = """
MATCH (u:Unit {state: 'live'})
RETURN u.id, labels(u), u {.*, vector: null, kept: null, seq: null, created_at: null, _l: null}
"""
_HEADS = """
MATCH (u:Unit {state: 'live'})-[:HEAD]->(v:Version)
RETURN u.id, v {.*, seq: null, tx_from: null, tx_to: null}, v.seq = u.seq AND v.tx_to = $forever
"""
_VECTORS = "MATCH (u:Unit {state: 'live'}) WHERE u.vector IS NOT NULL RETURN u.id, u.vector"
_PLACES = "MATCH (u:Unit {state: 'live'})-[:IN_SPACE]->(s) RETURN u.id, collect(s.id)"
_EDGES = """
MATCH (a:Unit)-[r]->(b:Unit)
WHERE coalesce(r.tx_to, $forever) = $forever AND (r.tx_to IS NOT NULL OR a.state = 'live')
RETURN a.id, type(r), b.id, r {.*, tx_from: null, tx_to: null}, a.state, b.state
"""
_EVIDENCE = """
MATCH (u:Unit)-[r:EVIDENCED_BY]->(v:Version)
WHERE r.tx_to = $forever
OPTIONAL MATCH (source:Unit {state: 'live'})-[:HEAD]->(v)
RETURN u.id, v.unit_id, r.count, u.state, source IS NOT NULL
"""


def live_graph(store: Store) -> Graph:
    """All that is live in a store, without numbers of versions and without times of the system.

    Units with all they bear, their heads, vectors (as bytes), spaces; every edge between units, as often as
    it is there; what evidences what, how often. An edge that is not ended and has an end that is retired,
    or evidence that is no head, shows as such: no whole graph has one.
    """
    return {
        "units": {row[0]: (sorted(row[1]), _said(row[2])) for row in _rows(store, _UNITS)},
        "heads": {row[0]: (_said(row[1]), row[2]) for row in _rows(store, _HEADS)},
        "vectors": {row[0]: np.array(row[1], dtype=np.float32).tobytes() for row in _rows(store, _VECTORS)},
        "spaces": {row[0]: sorted(row[1]) for row in _rows(store, _PLACES)},
        "edges": _counted((*row[:3], *sorted(_said(row[3]).items()), *row[4:]) for row in _rows(store, _EDGES)),
        "evidence": _counted(tuple(row) for row in _rows(store, _EVIDENCE)),
    }


def differences(found: Graph, expected: Graph) -> list[str]:
    """What differs between two live graphs, a line each; vectors are only named."""
    lines = []
    for part in expected:
        a, b = found[part], expected[part]
        for key in sorted({*a, *b}, key=str):
            if a.get(key) != b.get(key):
                said = "other bytes" if part == "vectors" else f"{a.get(key)} instead of {b.get(key)}"
                lines.append(f"{part} {key}: {said}")
    return lines


def _rows(store: Store, text: str) -> list[list[Any]]:
    parameters = {"forever": FOREVER} if "$forever" in text else {}
    return store.run_text(text, parameters, write=False, limit=10_000_000)[1]


def _said(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None}


def _counted(rows: Iterator[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    counts: dict[tuple[Any, ...], int] = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    return counts
