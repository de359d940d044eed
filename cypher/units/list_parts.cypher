// The live passages of documents.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:HAS_PART]->(part:Unit {state: 'live'})
WHERE edge.tx_to = $forever
RETURN id AS document, part.id AS id
