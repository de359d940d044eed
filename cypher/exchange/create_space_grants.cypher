// Grants and denials on spaces, those that are there aside.
CYPHER 5
UNWIND $rows AS row
MATCH (principal:Principal {id: row.principal})
MATCH (space:Space {id: row.space})
WHERE NOT EXISTS {
  MATCH (principal)-[edge:GRANTED|DENIED]->(space)
  WHERE type(edge) = row.type AND properties(edge) = row.edge }
CREATE (principal)-[edge:$(row.type)]->(space)
SET edge += row.edge
RETURN count(*) AS count
