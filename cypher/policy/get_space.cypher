// Whether a space is there.
CYPHER 5
MATCH (space:Space {id: $id})
RETURN space.id AS id, space.local_only AS local_only
