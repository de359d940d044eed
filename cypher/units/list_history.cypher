// The versions of a unit, newest first, with what made them and on whose behalf.
CYPHER 5
MATCH (v:Version {unit_id: $id})
WHERE v.policy_class IN $classes
OPTIONAL MATCH (v)-[:WAS_GENERATED_BY]->(activity:Activity)-[:ACTED_FOR]->(principal:Principal)
RETURN v.seq AS seq, v.state AS state, v.tx_from AS at, v.content_hash AS content_hash, activity.name AS activity,
  principal.id AS principal
ORDER BY seq DESC
