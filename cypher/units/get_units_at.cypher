// Units a principal may read now, by id, as the versions of a past time say they were; evidence is that of then.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state IN $states
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
MATCH (u:Unit {id: id})
WHERE v.policy_class IN $classes
  OR (v.policy_class IS NULL AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at AND source.policy_class IN $classes })
RETURN u.space AS space, v {.*, vector: null} AS version
