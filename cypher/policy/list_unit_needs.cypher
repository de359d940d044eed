// The rights a unit's head needs; for what is readable by evidence, those of each version that evidences it.
CYPHER 5
MATCH (u:Unit {id: $id})
CALL (u) {
  WITH u
  WHERE u.policy_class IS NOT NULL
  RETURN u.policy_class AS key, null AS evidence, null AS seq
  UNION
  MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
  WHERE u.policy_class IS NULL AND u.state = 'live' AND edge.tx_to = 9223372036854775807
  RETURN source.policy_class AS key, source.unit_id AS evidence, source.seq AS seq
}
MATCH (class:PolicyClass {key: key})
RETURN u.right AS own, evidence, seq,
  COLLECT { MATCH (class)-[:NEEDS]->(right:Right) RETURN right.key ORDER BY right.key } AS rights
ORDER BY evidence, seq
