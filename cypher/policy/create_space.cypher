// A space, its right, and the policy class that needs only that right.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
CREATE (space:Space {id: $id, name: $id, local_only: $local_only, created_at: $at})
CREATE (right:Right {key: $right})-[:ON]->(space)
CREATE (right)-[:ON]->(store)
CREATE (:PolicyClass {key: $right})-[:NEEDS]->(right)
RETURN space.id AS id
