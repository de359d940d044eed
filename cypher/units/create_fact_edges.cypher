// Link new facts to their subject and object, once.
CYPHER 5
UNWIND $rows AS row
MATCH (fact:Unit {id: row.id})
MATCH (subject:Unit {id: row.subject})
MATCH (object:Unit {id: row.object})
MERGE (fact)-[:SUBJECT]->(subject)
MERGE (fact)-[:OBJECT]->(object)
RETURN count(*) AS count
