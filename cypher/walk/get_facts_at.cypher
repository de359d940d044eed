// The facts among these units that were live and held at a time, with their two entities.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state = 'live' AND v.kind = 'Fact'
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
MATCH (fact:Unit {id: id})
MATCH (fact)-[:SUBJECT]->(subject:Entity)
MATCH (fact)-[:OBJECT]->(object:Entity)
RETURN fact.id AS id, v.seq AS seq, coalesce(v.vector, fact.vector, fact.kept) AS vector, subject.id AS subject,
  object.id AS object
