// The facts that readable passages evidence, with their vectors.
CYPHER 5
MATCH (fact:Fact {state: 'live'})
WHERE EXISTS {
  MATCH (fact)-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
}
RETURN fact.id AS id, fact.seq AS seq, fact.name AS name, fact.text AS text, fact.vector AS vector
