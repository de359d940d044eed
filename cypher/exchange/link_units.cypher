// Edges from units to units, those that are there aside; two near-synonyms are joined once.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
WHERE NOT EXISTS {
  MATCH (source)-[edge]->(target)
  WHERE type(edge) = row.type AND (row.type = 'SIMILAR_TO' OR properties(edge) = row.edge) }
CREATE (source)-[edge:$(row.type)]->(target)
SET edge += row.edge
RETURN count(*) AS count
