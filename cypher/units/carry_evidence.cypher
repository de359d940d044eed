// What the version before evidenced, the new version of a passage that says the same evidences from now on.
CYPHER 5
UNWIND $rows AS row
MATCH (old:Version {unit_id: row.id, seq: row.seq - 1})<-[edge:EVIDENCED_BY]-(u:Unit)
WHERE edge.tx_to = $forever
MATCH (new:Version {unit_id: row.id, seq: row.seq})
SET edge.tx_to = $at
CREATE (u)-[:EVIDENCED_BY {count: edge.count, tx_from: $at, tx_to: $forever}]->(new)
RETURN count(*) AS count
