// The facts that readable passages state, of some spaces or (null) of all, and how often.
CYPHER 5
MATCH (fact:Fact {state: 'live'})-[evidence:EVIDENCED_BY]->(source:Version)
WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
  AND ($spaces IS NULL OR EXISTS { MATCH (passage:Unit {id: source.unit_id}) WHERE passage.space IN $spaces })
RETURN fact.subject AS subject, fact.predicate AS predicate, fact.object AS object, sum(evidence.count) AS count
ORDER BY subject, predicate, object
