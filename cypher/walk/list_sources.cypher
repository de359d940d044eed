// The passages that evidenced these units at a time.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:EVIDENCED_BY]->(source:Version)
WHERE edge.tx_to > $at AND edge.tx_from <= $at
RETURN DISTINCT source.unit_id AS id
