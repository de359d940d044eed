// Store the vectors of live units as 32-bit floats; Neo4j's vector indexes follow.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
REMOVE u.kept
WITH u, row
CALL db.create.setNodeVectorProperty(u, 'vector', row.vector)
RETURN count(*) AS count
