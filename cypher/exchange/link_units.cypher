// Edges from units to units, those that are there aside; two near-synonyms are joined once at a time.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
WHERE NOT EXISTS {
  MATCH (source)-[edge]->(target)
  WHERE type(edge) = row.type
    AND (properties(edge) = row.edge OR (row.type = 'SIMILAR_TO' AND edge.tx_to = row.edge.tx_to)) }
CREATE (source)-[edge:$(row.type)]->(target)
SET edge += row.edge
RETURN count(*) AS count
