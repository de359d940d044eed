// Link passages to the next passage of the same document.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})
MATCH (target:Unit {id: row.target})
CREATE (source)-[:NEXT {tx_from: $at, tx_to: $forever}]->(target)
RETURN count(*) AS count
