// Of these units' entities and facts, those that no live evidence is left for.
CYPHER 5
UNWIND $ids AS id
MATCH (:Version {unit_id: id})<-[:EVIDENCED_BY]-(u:Unit {state: 'live'})
WITH DISTINCT u
WHERE NOT EXISTS { MATCH (u)-[edge:EVIDENCED_BY]->() WHERE edge.tx_to > $at }
RETURN u.id AS id ORDER BY id
