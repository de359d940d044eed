// A space is as old as its oldest record.
CYPHER 5
MATCH (space:Space {id: $id})
WHERE space.created_at > $at
SET space.created_at = $at
RETURN space.id AS id
