// The ends of each fact that readable passages evidence, and how often these passages say it.
CYPHER 5
MATCH (fact:Fact {state: 'live'})-[evidence:EVIDENCED_BY]->(source:Version)
WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
WITH fact, sum(evidence.count) AS count
MATCH (fact)-[:SUBJECT]->(subject:Entity)
MATCH (fact)-[:OBJECT]->(object:Entity)
RETURN fact.id AS id, subject.id AS subject, object.id AS object, count
