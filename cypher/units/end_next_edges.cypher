// End the order of documents' passages, before a new one is written.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[:HAS_PART]->(part:Unit)-[edge:NEXT]->()
WHERE edge.tx_to = $forever
SET edge.tx_to = $at
RETURN count(edge) AS count
