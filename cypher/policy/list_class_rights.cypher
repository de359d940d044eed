// The rights a policy class needs, and whether each is to a local-only space or a unit of one.
CYPHER 5
MATCH (class:PolicyClass {key: $key})-[:NEEDS]->(right:Right)
RETURN right.key AS right, EXISTS { (right)-[:ON]->(:Space {local_only: true}) } AS local_only
ORDER BY right
