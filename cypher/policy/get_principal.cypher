// Whether a principal is known, and what it is.
CYPHER 5
MATCH (principal:Principal {id: $id})
RETURN principal.id AS id, principal.kind AS kind
