// What the readable ones among these units say, the predicates of facts, and what follows each passage.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})
WHERE u.policy_class IN $classes
OR ((u:Entity OR u:Fact) AND EXISTS {
  MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
  WHERE edge.tx_to = $forever AND source.policy_class IN $classes
})
RETURN u.id AS id, u.name AS name, u.text AS text, u.predicate AS predicate,
  COLLECT { MATCH (u)-[edge:NEXT]->(next:Passage) WHERE edge.tx_to = $forever RETURN next.id } AS next
