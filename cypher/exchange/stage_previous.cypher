// Which version of a staged unit came before which.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (before:Version {unit_id: row.id, seq: row.before})
CREATE (v)-[:PREVIOUS]->(before)
RETURN count(*) AS count
