// A principal is as old as its oldest record.
CYPHER 5
MATCH (principal:Principal {id: $id})
WHERE principal.created_at > $at
SET principal.created_at = $at
RETURN principal.id AS id
