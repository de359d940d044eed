// Remember that a migration was applied, with its checksum.
CYPHER 5
MERGE (migration:Migration {version: $version})
ON CREATE SET migration.name = $name, migration.checksum = $checksum, migration.at = $at
RETURN migration.checksum AS checksum
