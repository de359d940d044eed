// All policy classes with the rights they need.
CYPHER 5
MATCH (class:PolicyClass)
RETURN class.key AS key, COLLECT { MATCH (class)-[:NEEDS]->(right:Right) RETURN right.key ORDER BY right.key } AS rights
ORDER BY key
