// From which exact versions versions were made, where that is not said yet.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (source:Version {unit_id: row.source, seq: row.source_seq})
WHERE NOT EXISTS { MATCH (v)-[:WAS_DERIVED_FROM]->(source) }
CREATE (v)-[:WAS_DERIVED_FROM]->(source)
RETURN count(*) AS count
