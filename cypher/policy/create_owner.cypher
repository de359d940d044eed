// Make a principal the owner and first administrator of a store that has none; behind the policy lock. No row: it has one.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
WHERE store.owner IS NULL OR NOT EXISTS { MATCH (:Principal {id: store.owner}) }
MERGE (principal:Principal {id: $principal})
ON CREATE SET principal.name = $principal, principal.kind = 'user', principal.created_at = $at
CREATE (principal)-[:GRANTED {role: 'admin', from: $at, until: $until}]->(store)
SET store.owner = principal.id
RETURN store.owner AS owner
