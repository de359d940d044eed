// Creates edges from passages to the next, where they are not there.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
WHERE NOT EXISTS { MATCH (source)-[edge:NEXT]->(target) WHERE edge.tx_to = $forever }
CREATE (source)-[:NEXT {tx_from: $at, tx_to: $forever}]->(target)
RETURN source.id AS source, target.id AS target
