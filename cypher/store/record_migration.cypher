// Remember that a migration was applied, with its checksum; whoever comes second waits, and is told so.
CYPHER 5
MERGE (migration:Migration {version: $version})
ON CREATE SET migration.name = $name, migration.checksum = $checksum, migration.at = $at, migration._new = true
WITH migration, coalesce(migration._new, false) AS made
REMOVE migration._new
RETURN made
