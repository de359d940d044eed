// The spaces a principal may read, with their sizes.
CYPHER 5
MATCH (space:Space)
WHERE 'space:' + space.id IN $classes
RETURN space.id AS id, space.local_only AS local_only, COUNT { (:Document {state: 'live'})-[:IN_SPACE]->(space) } AS documents
ORDER BY id
