// Say which passage versions evidence an entity or fact, and how often.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
MATCH (source:Version {unit_id: row.source, seq: row.source_seq})
CREATE (u)-[:EVIDENCED_BY {count: row.count, tx_from: $at, tx_to: $forever}]->(source)
RETURN count(*) AS count
