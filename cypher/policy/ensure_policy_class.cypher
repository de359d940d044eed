// A policy class that needs several spaces' rights.
CYPHER 5
MERGE (class:PolicyClass {key: $key})
WITH class
UNWIND $rights AS key
MATCH (right:Right {key: key})
MERGE (class)-[:NEEDS]->(right)
RETURN count(*) AS count
