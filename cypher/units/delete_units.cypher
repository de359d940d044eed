// Delete units with all their versions, edges, and rights of their own.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
CALL (u) {
  MATCH (v:Version)
  WHERE v.unit_id = u.id AND v.seq > 0
  DETACH DELETE v
}
CALL (u) {
  MATCH (right:Right {key: u.right})-[:ON]->(u)
  OPTIONAL MATCH (right)<-[:NEEDS]-(class:PolicyClass)
  DETACH DELETE right, class
}
DETACH DELETE u
RETURN count(*) AS count
