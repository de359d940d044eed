// The entities that readable passages evidence, with their vectors.
CYPHER 5
MATCH (n:Entity {state: 'live'})
WHERE EXISTS {
  MATCH (n)-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
}
RETURN n.id AS id, n.seq AS seq, n.name AS name, n.vector AS vector
