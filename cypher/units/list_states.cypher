// State and head number of units, readable or not: for writers that decide what to create.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
RETURN u.id AS id, u.seq AS seq, u.state AS state, u.content_hash AS content_hash
