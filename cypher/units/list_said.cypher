// The hashes of what passages say or last said.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u.said IS NOT NULL
RETURN u.said AS said, u.id AS id
