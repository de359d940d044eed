// The vectors of those of these units that have one.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u.vector IS NOT NULL
RETURN id, u.vector AS vector
