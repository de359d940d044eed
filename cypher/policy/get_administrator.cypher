// Whether a principal administers the store, itself or through its groups.
CYPHER 5
MATCH (principal:Principal {id: $principal})
CALL (principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)
  WITH DISTINCT holder
  MATCH (holder)-[edge:GRANTED]->(:Store)
  WHERE edge.role = 'admin' AND edge.from <= $at AND edge.until > $at
  RETURN count(*) > 0 AS administers
}
RETURN administers
