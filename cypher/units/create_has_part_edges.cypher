// Link documents to their passages.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
CREATE (source)-[:HAS_PART {tx_from: $at, tx_to: $forever}]->(target)
RETURN count(*) AS count
