// A page of the units a principal may read now, by id, as the versions of a past time say they were.
CYPHER 5
MATCH (v:Version)
WHERE v.tx_to > $at AND v.tx_from <= $at AND v.unit_id > $after AND v.state IN $states
  AND ($kind IS NULL OR v.kind = $kind) AND all(tag IN $tags WHERE tag IN v.tags)
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
  AND coalesce(v.policy_class IN $classes, true)
MATCH (u:Unit {id: v.unit_id})
WHERE ($space IS NULL OR u.space = $space)
  AND (v.policy_class IS NOT NULL OR EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at AND source.policy_class IN $classes })
WITH u, v ORDER BY v.unit_id LIMIT $limit
RETURN u.space AS space, v {.*, vector: null} AS version
