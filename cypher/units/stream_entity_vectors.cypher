// The vectors of all live entities, for finding near-synonyms; ids only, whoever may read them.
CYPHER 5
MATCH (e:Entity {state: 'live'})
WHERE e.vector IS NOT NULL
RETURN e.id AS id, e.name AS name, e.vector AS vector ORDER BY id
