// Policy classes with the rights they need, made where they are missing. Rows sorted by key.
CYPHER 5
UNWIND $rows AS row
MERGE (class:PolicyClass {key: row.key})
ON CREATE SET class._new = true
WITH class, row
CALL (class, row) {
  WITH class, row
  WHERE class._new
  REMOVE class._new
  WITH class, row
  UNWIND row.rights AS key
  MATCH (right:Right {key: key})
  CREATE (class)-[:NEEDS]->(right)
}
RETURN row.key AS key, COUNT { (class)-[:NEEDS]->(:Right) } AS count
