// All spaces.
CYPHER 5
MATCH (space:Space)
RETURN space.id AS id, space.local_only AS local_only, space.created_at AS created_at ORDER BY id
