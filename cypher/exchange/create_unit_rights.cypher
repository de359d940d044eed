// The own rights of units, reached by what is granted or denied on the unit, its space and the store.
CYPHER 5
MATCH (store:Store {id: 'memwalk'})
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
MATCH (space:Space {id: row.space})
MERGE (right:Right {key: row.right})
MERGE (right)-[:ON]->(u)
MERGE (right)-[:ON]->(space)
MERGE (right)-[:ON]->(store)
RETURN count(*) AS count
