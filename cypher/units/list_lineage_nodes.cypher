// Versions as a lineage shows them: what they are, whether they are heads, what made them and on whose behalf.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
OPTIONAL MATCH (v)-[:WAS_GENERATED_BY]->(activity:Activity)-[:ACTED_FOR]->(principal:Principal)
RETURN row.id AS id, row.seq AS seq, v.kind AS kind, v.name AS name, v.state AS state, v.tx_from AS at,
  EXISTS { (v)<-[:HEAD]-(:Unit) } AS is_head, v.policy_class IS NULL AS is_shared, activity.name AS activity,
  principal.id AS principal
