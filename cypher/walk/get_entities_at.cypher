// The entities among these units that were live and held at a time, with the near-synonyms of then.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state = 'live' AND v.kind = 'Entity'
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
MATCH (n:Unit {id: id})
RETURN n.id AS id, v.seq AS seq, coalesce(v.vector, n.vector, n.kept) AS vector,
  COLLECT {
    MATCH (n)-[edge:SIMILAR_TO]-(other:Entity)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at
    RETURN DISTINCT [other.id, edge.score]
  } AS similar
