// The passages that evidence these units.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:EVIDENCED_BY]->(source:Version)
WHERE edge.tx_to = $forever
RETURN DISTINCT source.unit_id AS id
