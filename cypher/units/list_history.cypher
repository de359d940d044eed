// The versions of a unit, newest first, with what made them, on whose behalf, and from which readable versions.
CYPHER 5
MATCH (v:Version)
WHERE v.unit_id = $id AND v.seq > 0 AND v.policy_class IN $classes
OPTIONAL MATCH (v)-[:WAS_GENERATED_BY]->(activity:Activity)-[:ACTED_FOR]->(principal:Principal)
RETURN v.seq AS seq, v.state AS state, v.tx_from AS at, v.tx_to AS until, v.content_hash AS content_hash,
  v.valid_from AS valid_from, v.valid_to AS valid_to, activity.name AS activity, principal.id AS principal,
  COLLECT { MATCH (v)-[:WAS_DERIVED_FROM]->(source:Version) WHERE source.policy_class IN $classes
    RETURN {id: source.unit_id, seq: source.seq} ORDER BY source.unit_id, source.seq } AS sources
ORDER BY seq DESC
