// The policy classes whose every right a principal holds at a time, itself or through its groups; denial wins.
CYPHER 5
MATCH (principal:Principal {id: $principal})
CALL (principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)
  WITH DISTINCT holder
  MATCH (holder)-[edge:GRANTED|DENIED]->(target)
  WHERE edge.from <= $at AND edge.until > $at AND (type(edge) = 'GRANTED' OR edge.role = 'reader')
  MATCH (target)<-[:ON]-(right:Right)
  WITH right, collect(DISTINCT type(edge)) AS kinds
  WHERE NOT 'DENIED' IN kinds
  MATCH (right)<-[:NEEDS]-(class:PolicyClass)
  WITH class, count(right) AS held
  WHERE held = COUNT { (class)-[:NEEDS]->() }
  WITH class.key AS key ORDER BY key
  RETURN collect(key) AS keys
}
RETURN keys
