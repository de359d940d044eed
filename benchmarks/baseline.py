# SPDX-License-Identifier: Apache-2.0
"""Plain Cypher that writes the graph the engine writes, without audit, policy, locks and change sequence.

The same nodes, edges and properties for a batch of new documents: an activity with its two edges, and for each
document a unit and a version, `HEAD`, `IN_SPACE` and `WAS_GENERATED_BY`. What it leaves out is what the engine is for:
whether the unit is there already (and locking it if it is), checking what is written, hashing it (the baseline gets
its hashes for nothing), the policy class, the change record with its number and hash, and trying again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memwalk.store import FOREVER
from memwalk.units import AGENT, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    import neo4j

__all__ = ["ACTIVITY", "CREATE", "LINEAGE", "MENTIONS", "POINT", "document_rows", "write_documents", "write_mentions"]

ACTIVITY = """CYPHER 5
MATCH (principal:Principal {id: $principal})
MATCH (agent:Agent {id: $agent})
CREATE (activity:Activity {id: $id, name: 'add', detail: '', at: $at})
CREATE (activity)-[:WAS_ASSOCIATED_WITH]->(agent)
CREATE (activity)-[:ACTED_FOR]->(principal)"""

CREATE = """CYPHER 5
MATCH (activity:Activity {id: $activity})
MATCH (space:Space {id: $space})
UNWIND $rows AS row
CREATE (space)<-[:IN_SPACE]-(u:Unit:Document)-[:HEAD]->(v:Version)-[:WAS_GENERATED_BY]->(activity)
SET u = row.unit, v = row.version"""

MENTIONS = """CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
CREATE (source)-[:MENTIONS {count: row.count, tx_from: $at, tx_to: $forever}]->(target)"""

POINT = """CYPHER 5
MATCH (u:Unit {id: $id})-[:HEAD]->(v:Version)
RETURN properties(v) AS version"""


LINEAGE = """CYPHER 5
MATCH (:Unit {id: $id})-[:HEAD]->(v:Version)
MATCH (v)-[edge:WAS_DERIVED_FROM*1..10]->(source:Version)
RETURN source.unit_id AS id, source.seq AS seq, min(size(edge)) AS steps"""


def document_rows(texts: Sequence[str], space: str, at: int) -> list[dict[str, Any]]:
    """Rows for `CREATE`: every property that the engine writes for such documents."""
    rows = []
    for number, text in enumerate(texts):
        said = {
            "name": f"document {number}",
            "text": text,
            "uri": f"file:///corpus/{number}",
            "format": "text",
            "content_hash": "0" * 64,
            "policy_class": f"space:{space}",
            "seq": 1,
            "state": "live",
        }
        unit = new_id()
        rows.append(
            {
                "unit": {**said, "id": unit, "space": space, "right": f"space:{space}", "created_at": at},
                "version": {**said, "unit_id": unit, "kind": "Document", "tx_from": at, "tx_to": FOREVER},
            }
        )
    return rows


def write_documents(session: neo4j.Session, texts: Sequence[str], principal: str, space: str, at: int) -> None:
    """One transaction: an activity, and a document for each text."""

    def work(tx: neo4j.ManagedTransaction) -> None:
        activity = new_id()
        tx.run(ACTIVITY, id=activity, principal=principal, agent=AGENT, at=at).consume()
        tx.run(CREATE, rows=document_rows(texts, space, at), activity=activity, space=space).consume()

    session.execute_write(work)


def write_mentions(session: neo4j.Session, rows: Sequence[dict[str, Any]], at: int) -> None:
    """One transaction: edges between units."""
    session.execute_write(lambda tx: tx.run(MENTIONS, rows=rows, at=at, forever=FOREVER).consume())
