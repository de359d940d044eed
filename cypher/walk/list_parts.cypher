// The passages that the documents among these units had at a time: their order may have changed though they did not.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:HAS_PART]->(p:Passage)
WHERE edge.tx_to > $at AND edge.tx_from <= $at
RETURN DISTINCT p.id AS id
