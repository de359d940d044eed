// Say from which exact versions a version was made.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (source:Version {unit_id: row.source, seq: row.source_seq})
CREATE (v)-[:WAS_DERIVED_FROM]->(source)
RETURN count(*) AS count
