// What versions were made from: the readable versions they were derived from, or are evidenced by now.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
CALL (v) {
  MATCH (v)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE source.policy_class IN $classes
  RETURN 'derived from' AS edge, source
  UNION ALL
  WITH v
  WHERE v.policy_class IS NULL
  MATCH (u:Unit {id: v.unit_id})-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
  RETURN 'evidenced by' AS edge, source
}
RETURN row.id AS id, row.seq AS seq, edge, source.unit_id AS source, source.seq AS source_seq
