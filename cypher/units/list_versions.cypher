// Versions of units with what they say and the exact versions they were derived from, in the order of their ids.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
RETURN row.id AS id, row.seq AS seq, v {.*, vector: null} AS version,
  COLLECT { MATCH (v)-[:WAS_DERIVED_FROM]->(source:Version)
    RETURN {id: source.unit_id, seq: source.seq, policy_class: source.policy_class}
    ORDER BY source.unit_id, source.seq } AS sources
