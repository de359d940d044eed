// What was made of versions, and of those up to ten steps before them: readable versions derived from them, entities and facts they evidence now.
CYPHER 5
UNWIND $rows AS row
MATCH (start:Version {unit_id: row.id, seq: row.seq})
CALL (start) {
  MATCH ANY SHORTEST (start) ((a)<-[:WAS_DERIVED_FROM]-(b WHERE b.policy_class IN $classes)){0,10} (v)
  RETURN v
}
WITH DISTINCT v
RETURN v.unit_id AS id, v.seq AS seq, COLLECT {
  MATCH (v)<-[:WAS_DERIVED_FROM]-(made:Version)
  WHERE made.policy_class IN $classes
  RETURN ['derived from', made.unit_id, made.seq] AS edge
  UNION ALL
  MATCH (v)<-[evidence:EVIDENCED_BY]-(u:Unit {state: 'live'})
  WHERE evidence.tx_to = $forever AND v.policy_class IN $classes
  RETURN ['evidenced by', u.id, 1] AS edge
} AS edges
