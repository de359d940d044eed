// What versions, and those up to ten steps behind them, were made from: readable versions they were derived from, or are evidenced by now.
CYPHER 5
UNWIND $rows AS row
MATCH (start:Version {unit_id: row.id, seq: row.seq})
CALL (start) {
  MATCH ANY SHORTEST (start) ((a)-[:WAS_DERIVED_FROM]->(b WHERE b.policy_class IN $classes)){0,10} (v)
  RETURN v
}
WITH DISTINCT v
RETURN v.unit_id AS id, v.seq AS seq, COLLECT {
  MATCH (v)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE source.policy_class IN $classes
  RETURN ['derived from', source.unit_id, source.seq] AS edge
  UNION ALL
  MATCH (u:Unit {id: v.unit_id})-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE v.policy_class IS NULL AND evidence.tx_to = $forever AND source.policy_class IN $classes
  RETURN ['evidenced by', source.unit_id, source.seq] AS edge
} AS edges
