// Rights of single units, each with the policy class that needs only that right.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
MATCH (space:Space {id: u.space})
MERGE (right:Right {key: row.right})
MERGE (right)-[:ON]->(u)
MERGE (right)-[:ON]->(space)
MERGE (right)-[:ON]->(store)
MERGE (class:PolicyClass {key: row.right})
MERGE (class)-[:NEEDS]->(right)
SET u.right = row.right
RETURN count(*) AS count
