// Pairs of near-synonym entities that readable passages evidence, both of them, with their cosine.
CYPHER 5
MATCH (a:Entity {state: 'live'})-[edge:SIMILAR_TO]->(b:Entity {state: 'live'})
WHERE edge.tx_to = $forever
AND EXISTS {
  MATCH (a)-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
}
AND EXISTS {
  MATCH (b)-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
}
RETURN a.id AS source, b.id AS target, edge.score AS score
