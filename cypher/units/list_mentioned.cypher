// The names of the entities that readable passages mention, of some spaces or (null) of all.
CYPHER 5
MATCH (n:Entity {state: 'live'})
WHERE EXISTS {
  MATCH (n)-[evidence:EVIDENCED_BY]->(source:Version)
  WHERE evidence.tx_to = $forever AND source.policy_class IN $classes
    AND ($spaces IS NULL OR EXISTS { MATCH (passage:Unit {id: source.unit_id}) WHERE passage.space IN $spaces })
}
RETURN n.name AS name
ORDER BY name
