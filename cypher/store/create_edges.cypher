// Edges as they are in another database, between nodes just copied.
CYPHER 5
UNWIND $rows AS row
MATCH (source)
WHERE elementId(source) = row.source
MATCH (target)
WHERE elementId(target) = row.target
CREATE (source)-[edge:$(row.type)]->(target)
SET edge = row.properties
RETURN count(*) AS count
