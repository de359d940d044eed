// Vectors of nodes just copied, as 32-bit floats.
CYPHER 5
UNWIND $rows AS row
MATCH (n)
WHERE elementId(n) = row.id
CALL db.create.setNodeVectorProperty(n, 'vector', row.vector)
RETURN count(*) AS count
