// A user, unless somebody of that name is known.
CYPHER 5
MERGE (principal:Principal {id: $id})
ON CREATE SET principal.name = $id, principal.kind = 'user', principal.created_at = $at
RETURN principal.created_at = $at AS created
