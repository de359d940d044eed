// What evidences units, where that is not said yet.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
MATCH (source:Version {unit_id: row.source, seq: row.source_seq})
WHERE NOT EXISTS {
  MATCH (u)-[edge:EVIDENCED_BY]->(source)
  WHERE properties(edge) = row.edge }
CREATE (u)-[edge:EVIDENCED_BY]->(source)
SET edge += row.edge
RETURN count(*) AS count
