// Nodes as they are in another database; their ids in the order of the rows.
CYPHER 5
UNWIND $rows AS row
CREATE (n:$(row.labels))
SET n = row.properties
RETURN elementId(n) AS id
