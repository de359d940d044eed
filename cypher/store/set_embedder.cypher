// Remember which embedder made the vectors; the first one stays.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
SET store.embedder = coalesce(store.embedder, $embedder)
RETURN store.embedder AS embedder
