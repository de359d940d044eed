// What was made of versions: the readable versions derived from them, and the entities and facts they evidence now.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
CALL (v) {
  MATCH (v)<-[:WAS_DERIVED_FROM]-(made:Version)
  WHERE made.policy_class IN $classes
  RETURN 'derived from' AS edge, made.unit_id AS id, made.seq AS seq
  UNION ALL
  MATCH (v)<-[evidence:EVIDENCED_BY]-(u:Unit {state: 'live'})
  WHERE evidence.tx_to = $forever AND v.policy_class IN $classes
  RETURN 'evidenced by' AS edge, u.id AS id, 1 AS seq
}
RETURN id, seq, edge, row.id AS source, row.seq AS source_seq
