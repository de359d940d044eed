// The live documents of a space whose address is this one, or begins so.
CYPHER 5
MATCH (u:Document {space: $space, state: 'live'})
WHERE u.uri = $uri OR any(prefix IN $prefixes WHERE u.uri STARTS WITH prefix)
RETURN u.id AS id, u.seq AS seq, u.uri AS uri ORDER BY id
