// Link passages to the entities they mention, with how often.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
CREATE (source)-[:MENTIONS {count: row.count, tx_from: $at, tx_to: $forever}]->(target)
RETURN count(*) AS count
