// Whether a principal administers the store, itself or through its groups.
CYPHER 5
MATCH (principal:Principal {id: $principal})
RETURN EXISTS {
  MATCH (principal)-[:MEMBER_OF*0..]->(:Principal)-[edge:GRANTED]->(:Store)
  WHERE edge.role = 'admin' AND edge.from <= $at AND edge.until > $at } AS administers
