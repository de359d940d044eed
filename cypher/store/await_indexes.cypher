// Wait until all indexes are filled.
CYPHER 5
CALL db.awaitIndexes($seconds)
RETURN true AS online
