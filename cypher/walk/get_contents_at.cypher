// What those of these units said at a time that may be read now: entities and facts if a readable passage evidenced them.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.tx_from <= $at AND v.tx_to > $at AND v.state = 'live'
MATCH (u:Unit {id: id})
WHERE v.policy_class IN $classes
  OR (v.policy_class IS NULL AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to > $at AND edge.tx_from <= $at AND source.policy_class IN $classes })
RETURN u.id AS id, v.seq AS seq, v.name AS name, v.text AS text
