// Retire live units: a tombstone becomes the head, vectors and live edges end. History stays. Ids sorted.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
SET u._l = true
REMOVE u._l
WITH u
WHERE u.state = 'live'
MATCH (u)-[head:HEAD]->(old:Version)
WITH u, head, old, CASE WHEN old.tx_from >= $at THEN old.tx_from + 1 ELSE $at END AS at
SET u.state = 'retired', u.seq = u.seq + 1, u.text = '', u.content_hash = '', old.tx_to = at
SET u.kept = u.vector
REMOVE u.vector, u.tags, u.metadata, u.valid_from, u.valid_to, u.unfinished
CREATE (u)-[:HEAD]->(v:Version {unit_id: u.id, kind: old.kind, seq: u.seq, state: 'retired', content_hash: '', name: u.name,
  text: '', policy_class: u.policy_class, tx_from: at, tx_to: $forever})
CREATE (v)-[:PREVIOUS]->(old)
DELETE head
WITH u, v, old
MATCH (activity:Activity {id: $activity})
CREATE (v)-[:WAS_GENERATED_BY]->(activity)
WITH u, old
CALL (u, old) {
  OPTIONAL MATCH (u)-[edge:MENTIONS|ABOUT|NEXT|HAS_PART|SIMILAR_TO]-()
  WHERE edge.tx_to > $at
  SET edge.tx_to = $at
}
CALL (old) {
  OPTIONAL MATCH (old)<-[evidence:EVIDENCED_BY]-()
  WHERE evidence.tx_to > $at
  SET evidence.tx_to = $at
}
RETURN u.id AS id, u.seq AS seq
