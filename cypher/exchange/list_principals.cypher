// All principals with the groups they are in.
CYPHER 5
MATCH (principal:Principal)
RETURN principal.id AS id, principal.kind AS kind, principal.created_at AS created_at,
  COLLECT { MATCH (principal)-[:MEMBER_OF]->(group:Principal) RETURN group.id ORDER BY group.id } AS groups
ORDER BY id
