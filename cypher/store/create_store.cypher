// Mark an empty database as memwalk's.
CYPHER 5
MERGE (store:Store {id: 'memwalk'})
ON CREATE SET store.uuid = $uuid, store.created_at = $at
MERGE (counter:Counter {id: 0})
ON CREATE SET counter.seq = 0, counter.hash = '', counter.audited_from = 1
RETURN store.uuid AS uuid
