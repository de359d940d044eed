// Wait for other writers of rights: the store's node is locked until the end of the transaction.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
SET store._l = true
REMOVE store._l
WITH store
RETURN store.id AS id
