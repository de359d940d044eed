// Join near-synonym entities, once a pair, from the smaller id to the larger; one that is gone meanwhile is left out.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source, state: 'live'})
MATCH (target:Unit {id: row.target, state: 'live'})
WHERE NOT EXISTS {
  MATCH (source)-[edge:SIMILAR_TO]->(target)
  WHERE edge.tx_to = $forever }
CREATE (source)-[:SIMILAR_TO {score: row.score, tx_from: $at, tx_to: $forever}]->(target)
RETURN count(*) AS count
