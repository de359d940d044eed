// Who is in which group, for a principal and all groups it is in.
CYPHER 5
MATCH (principal:Principal {id: $principal})
CALL (principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(member:Principal)
  RETURN DISTINCT member
}
MATCH (member)-[:MEMBER_OF]->(group:Principal)
RETURN member.id AS member, group.id AS group
ORDER BY member, group
