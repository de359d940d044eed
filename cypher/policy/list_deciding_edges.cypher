// The grants and denials that reach rights at a time, from a principal or a group it is in.
CYPHER 5
MATCH (principal:Principal {id: $principal})
CALL (principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)
  RETURN DISTINCT holder
}
MATCH (holder)-[edge:GRANTED|DENIED]->(target)<-[:ON]-(right:Right)
WHERE right.key IN $rights AND edge.from <= $at AND edge.until > $at
RETURN right.key AS right, holder.id AS holder, type(edge) = 'DENIED' AS denied, edge.role AS role,
  CASE WHEN target:Space THEN target.id END AS space, CASE WHEN target:Unit THEN target.id END AS unit,
  edge.from AS since, edge.until AS until
ORDER BY right, denied, role, holder, since
