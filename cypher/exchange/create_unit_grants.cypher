// Grants and denials on units, those that are there aside.
CYPHER 5
UNWIND $rows AS row
MATCH (principal:Principal {id: row.principal})
MATCH (u:Unit {id: row.unit})
WHERE NOT EXISTS {
  MATCH (principal)-[edge:GRANTED|DENIED]->(u)
  WHERE type(edge) = row.type AND properties(edge) = row.edge }
CREATE (principal)-[edge:$(row.type)]->(u)
SET edge += row.edge
RETURN count(*) AS count
