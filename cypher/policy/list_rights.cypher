// The rights that a principal's own and its groups' grants and denials reach at a time, with the roles; one row at least.
CYPHER 5
MATCH (principal:Principal {id: $principal})
CALL (principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)
  WITH DISTINCT holder
  RETURN collect(holder) AS holders
}
CALL (holders) {
  UNWIND holders AS holder
  MATCH (holder)-[edge:GRANTED]->(:Store)
  WHERE edge.role = 'admin' AND edge.from <= $at AND edge.until > $at
  RETURN count(*) > 0 AS administers
}
UNWIND holders AS holder
OPTIONAL MATCH (holder)-[edge:GRANTED|DENIED]->(target)<-[:ON]-(right:Right)
WHERE edge.from <= $at AND edge.until > $at
RETURN administers, right.key AS right, collect(DISTINCT CASE WHEN type(edge) = 'GRANTED' THEN edge.role END) AS granted,
  collect(DISTINCT CASE WHEN type(edge) = 'DENIED' THEN edge.role END) AS denied
