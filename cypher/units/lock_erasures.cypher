// Wait for whoever names or deletes a payload that is listed for erasure.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
SET store._l = true
REMOVE store._l
RETURN store.id AS id
