// Ends the edges from passages to others than the one that comes next now; null: to all.
CYPHER 5
UNWIND $rows AS row
MATCH (source:Unit {id: row.source})-[edge:NEXT]->(target:Unit)
WHERE edge.tx_to = $forever AND (row.target IS NULL OR target.id <> row.target)
SET edge.tx_to = $at
RETURN source.id AS source, target.id AS target
