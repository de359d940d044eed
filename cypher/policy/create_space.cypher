// A space, its right, and the policy class that needs only that right.
CYPHER 5
CREATE (space:Space {id: $id, name: $id, local_only: $local_only, created_at: $at})
CREATE (right:Right {key: $right})-[:ON]->(space)
CREATE (:PolicyClass {key: $right})-[:NEEDS]->(right)
RETURN space.id AS id
