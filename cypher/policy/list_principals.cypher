// All principals with their groups.
CYPHER 5
MATCH (principal:Principal)
OPTIONAL MATCH (principal)-[:MEMBER_OF]->(group:Principal)
WITH principal, group ORDER BY group.id
RETURN principal.id AS id, principal.kind AS kind, collect(group.id) AS groups ORDER BY id
