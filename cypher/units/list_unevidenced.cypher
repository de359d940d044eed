// Of these units' entities and facts, those that no live evidence is left for; locked, so that none is added meanwhile.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)<-[:EVIDENCED_BY]-(u:Unit)
WHERE v.unit_id = id AND v.seq > 0
WITH DISTINCT u
WHERE NOT EXISTS { MATCH (u)-[edge:EVIDENCED_BY]->() WHERE edge.tx_to = $forever }
WITH u ORDER BY u.id
SET u._l = true
REMOVE u._l
WITH u
WHERE u.state = 'live' AND NOT EXISTS { MATCH (u)-[edge:EVIDENCED_BY]->() WHERE edge.tx_to = $forever }
RETURN u.id AS id ORDER BY id
