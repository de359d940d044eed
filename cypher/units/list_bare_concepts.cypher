// Of these live entities and facts, those without live evidence.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})
WHERE NOT EXISTS { MATCH (u)-[edge:EVIDENCED_BY]->() WHERE edge.tx_to = $forever }
RETURN u.id AS id ORDER BY id
