// Grant administration of the whole store.
CYPHER 5
MATCH (principal:Principal {id: $principal})
MATCH (store:Store {id: 'memwalk'})
CREATE (principal)-[:GRANTED {role: 'admin', from: $from, until: $until}]->(store)
SET store.owner = coalesce(store.owner, principal.id)
RETURN store.owner AS owner
