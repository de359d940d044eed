// The singleton that marks a database as memwalk's, with the migrations applied.
CYPHER 5
OPTIONAL MATCH (store:Store {id: 'memwalk'})
OPTIONAL MATCH (migration:Migration)
WITH store, migration ORDER BY migration.version
RETURN store.uuid AS uuid, store.embedder AS embedder, store.owner AS owner,
  collect(CASE WHEN migration IS NULL THEN NULL ELSE {version: migration.version, name: migration.name, checksum: migration.checksum} END) AS migrations
