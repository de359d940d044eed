// A user, group or agent.
CYPHER 5
CREATE (principal:Principal {id: $id, name: $id, kind: $kind, created_at: $at})
RETURN principal.id AS id
