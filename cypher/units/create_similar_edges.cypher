// Join near-synonym entities, once a pair, from the smaller id to the larger.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
MERGE (source)-[edge:SIMILAR_TO]->(target)
SET edge.score = row.score, edge.tx_from = $at, edge.tx_to = $forever
RETURN count(*) AS count
