# SPDX-License-Identifier: Apache-2.0
"""How the server would run each named query: what looks at all units or versions is declared, the rest has an index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.conftest import OWNER
from tests.store.test_policy_cost import FILL

from memwalk import policy
from memwalk.store import FOREVER, load_query, query_names
from memwalk.units import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memwalk.store import Store

WHOLE = {
    "exchange/is_empty": "stops at the first unit",
    "exchange/stream_derivations": "an export reads all that its principal may read",
    "exchange/stream_evidence": "an export, the same",
    "exchange/stream_hidden_versions": "an export, the same",
    "exchange/stream_parts": "an export, the same",
    "exchange/stream_shared_units": "an export, the same",
    "exchange/stream_units": "an export, the same",
    "exchange/stream_vectors": "an export, the same",
    "adopt/stream_nodes": "another's database, whole",
    "explore/answer_sources": "the latest activities; for people",
    "explore/connected_entities": "ranks all entities; for people",
    "explore/entity_neighbourhood": "by name: content has no range index; for people",
    "explore/entity_paths": "by name, the same; for people",
    "store/check_chains": "a check reads all",
    "store/check_heads": "a check reads all",
    "store/find_foreign_labels": "looks at whatever is there before the first migration",
    "store/list_payloads": "all that name a payload, by the index of these",
    "store/stream_edges": "a copy reads all",
    "store/stream_nodes": "a copy reads all",
    "units/blank_generations": "a purge looks for a text, which has no index",
    "units/list_documents_below": "pruning looks at all documents: their addresses have no index",
    "units/list_loadables": "all KV blocks and adapters",
    "units/list_mentioned": "an export of the graph reads all that its principal may read",
    "units/list_payloads": "all that name a payload, by the index of these",
    "units/list_quotes": "a purge looks for a text, which has no index",
    "units/list_stated": "an export of the graph, the same",
    "units/stream_entity_vectors": "all vectors of entities",
    "walk/stream_ids": "the whole walk graph, when there is none yet",
    "walk/stream_ids_at": "the whole walk graph of a past time",
}
"""Queries that look at all units, versions, activities, or edges of these, and why."""

SPREAD = """
MATCH (u:Unit)-[:HEAD]->(v:Version)
WITH u, v, split(u.id, '-') AS parts
WITH u, v, parts[0] AS prefix, toInteger(parts[1]) AS i
MATCH (source:Version {unit_id: prefix + '-' + (i % 2000 + 1), seq: 1})
SET u:$($kinds[i % size($kinds)]), v.payload = 'payload ' + u.id
CREATE (v)-[:WAS_DERIVED_FROM]->(source)
CREATE (u)-[:EVIDENCED_BY {tx_from: 1, tx_to: $forever}]->(source)
"""

MANY = {"Unit", "Version", "Activity", *KINDS}
"""Labels of what there is more of the longer a store lives; of principals, spaces and classes there are few."""
FEW = {"GRANTED", "DENIED", "MEMBER_OF", "ON", "NEEDS"}
"""Edges between those few."""


def scans(plan: dict[str, Any]) -> Iterator[str]:
    """Operators that look at all nodes of a label in `MANY`, or at all edges of a type that is not in `FEW`."""
    operator, details = plan["operatorType"].partition("@")[0], str(plan["args"].get("Details", ""))
    names = set(re.findall(r"(?<=[:|])\w+", details.partition(" WHERE ")[0]))
    if operator.startswith("AllNodes") or (
        "Scan" in operator and (not names <= FEW if "Relationship" in operator else names & MANY)
    ):
        yield f"{operator} {details}"
    for child in plan.get("children", ()):
        yield from scans(child)


def explain(store: Store, text: str) -> list[str]:
    """What a query would look at as a whole."""
    plan = text.replace("CYPHER 5\n", "CYPHER 5 EXPLAIN\n", 1)
    with store._session("WRITE") as session:
        return list(scans(session.run(plan).consume().plan or {}))


def test_units_and_versions_are_found_by_index(store: Store) -> None:
    """In a store of some thousand units of all kinds no query but those declared looks at all units or versions."""
    policy.create_space(store, OWNER, "many")
    for batch in range(3):
        values = {"space": "many", "prefix": f"{batch}-", "count": 2_000, "forever": FOREVER}
        store.run_text(FILL, values, write=True, limit=1)
    store.run_text(SPREAD, {"kinds": sorted(KINDS), "forever": FOREVER}, write=True, limit=1)
    store.run_text("CALL db.prepareForReplanning()", {}, write=True, limit=1)
    assert explain(store, "CYPHER 5\nMATCH (v:Version {unit_id: $id}) RETURN v.seq")  # the fault this is for
    assert explain(store, "CYPHER 5\nMATCH (m:Message {id: $id}) RETURN m.text")
    found = {name: explain(store, load_query(name).text) for name in query_names()}
    assert {name: seen for name, seen in found.items() if seen and name not in WHOLE} == {}
    assert WHOLE.keys() <= found.keys()
