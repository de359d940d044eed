// The statements that make a database's constraints and indexes.
CYPHER 5
SHOW INDEXES YIELD createStatement AS statement, type
WHERE type <> 'LOOKUP'
RETURN statement
