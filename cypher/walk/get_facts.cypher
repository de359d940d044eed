// The live facts among these units, with their two entities.
CYPHER 5
UNWIND $ids AS id
MATCH (fact:Unit {id: id, state: 'live'})
WHERE fact:Fact
MATCH (fact)-[:SUBJECT]->(subject:Entity)
MATCH (fact)-[:OBJECT]->(object:Entity)
RETURN fact.id AS id, fact.seq AS seq, fact.vector AS vector, subject.id AS subject, object.id AS object
