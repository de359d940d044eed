// Spaces, each with its right and the policy class that needs only that right.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
UNWIND $rows AS row
CREATE (space:Space {id: row.id, name: row.id, local_only: row.local_only, created_at: $at})
CREATE (right:Right {key: row.right})-[:ON]->(space)
CREATE (right)-[:ON]->(store)
CREATE (:PolicyClass {key: row.right})-[:NEEDS]->(right)
RETURN count(*) AS count
