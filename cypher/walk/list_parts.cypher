// The passages of the documents among these units: their order may have changed though they did not.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:HAS_PART]->(p:Passage {state: 'live'})
WHERE edge.tx_to = $forever
RETURN DISTINCT p.id AS id
