// The passages among these units that were live and held at a time, as they were, with all that they were the evidence of.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state = 'live' AND v.kind = 'Passage' AND v.policy_class IS NOT NULL
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
MATCH (p:Unit {id: id})
RETURN p.id AS id, 'Passage' AS kind, p.space AS space, v.policy_class AS policy, v.seq AS seq, v.name AS name,
  v.text AS text,
  coalesce(v.vector, CASE WHEN p.seq = v.seq OR (p.name = v.name AND p.text = v.text) THEN p.vector END,
    CASE WHEN p.seq = v.seq + 1 THEN p.kept END) AS vector,
  COLLECT { MATCH (p)-[edge:MENTIONS]->(n:Entity) WHERE edge.tx_to > $at AND edge.tx_from <= $at RETURN n.id } AS mentions,
  COLLECT { MATCH (p)-[edge:ABOUT]->(n:Entity) WHERE edge.tx_to > $at AND edge.tx_from <= $at RETURN n.id } AS about,
  COLLECT {
    MATCH (fact:Fact)-[edge:EVIDENCED_BY]->(v)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at
    RETURN [fact.id, edge.count]
  } AS states,
  COLLECT {
    MATCH (p)-[edge:NEXT]-(q:Passage)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at
    RETURN DISTINCT q.id
  } AS beside
