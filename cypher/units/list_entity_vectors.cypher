// The names and vectors of the live entities among these units; for finding near-synonyms, whoever may read them.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u:Entity AND u.state = 'live' AND u.vector IS NOT NULL
RETURN u.id AS id, u.name AS name, u.vector AS vector
