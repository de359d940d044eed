// How many parts documents have.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
RETURN u.id AS id, COUNT { MATCH (u)-[edge:HAS_PART]->() WHERE edge.tx_to = $forever } AS count
