// From which versions those that these policy classes show were made, and whether they show these as well.
CYPHER 5
MATCH (v:Version)-[:WAS_DERIVED_FROM]->(source:Version)
WHERE v.policy_class IN $classes
RETURN v.unit_id AS id, v.seq AS seq, source.unit_id AS source, source.seq AS source_seq,
  coalesce(source.policy_class IN $classes, false) AS readable
