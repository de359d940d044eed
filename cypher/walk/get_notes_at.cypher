// The notes and summaries among these units that were live, held, and were not stale at a time, as they were.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state = 'live' AND v.kind IN ['Note', 'Summary'] AND v.policy_class IS NOT NULL
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
CALL (v) {
  MATCH (v)-[:WAS_DERIVED_FROM*0..]->(made:Version)
  WITH DISTINCT made
  WHERE made.kind IN $derived
  MATCH (made)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE NOT (source.tx_to > $at AND source.tx_from <= $at AND source.state = 'live')
  RETURN count(*) AS gone
}
WITH id, v, gone
WHERE gone = 0
MATCH (u:Unit {id: id})
RETURN u.id AS id, v.kind AS kind, u.space AS space, v.policy_class AS policy, v.seq AS seq, v.name AS name,
  v.text AS text,
  coalesce(v.vector, CASE WHEN u.seq = v.seq OR (u.name = v.name AND u.text = v.text) THEN u.vector END,
    CASE WHEN u.seq = v.seq + 1 THEN u.kept END) AS vector
