// Of these units' entities and facts, those that no live evidence is left for.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)<-[:EVIDENCED_BY]-(u:Unit {state: 'live'})
WHERE v.unit_id = id AND v.seq > 0
WITH DISTINCT u
WHERE NOT EXISTS { MATCH (u)-[edge:EVIDENCED_BY]->() WHERE edge.tx_to = $forever }
RETURN u.id AS id ORDER BY id
