// Of rights, those to a local-only space or a unit of one.
CYPHER 5
UNWIND $keys AS key
MATCH (right:Right {key: key})-[:ON]->(:Space {local_only: true})
RETURN DISTINCT right.key AS right ORDER BY right
