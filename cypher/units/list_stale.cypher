// A page of the live units of readable policy classes that need all their sources and were made from a version that is no live unit's head, by id.
CYPHER 5
UNWIND $classes AS class
MATCH (u:Unit)
WHERE u.policy_class = class AND u.id > $after AND u.state = 'live' AND ($space IS NULL OR u.space = $space)
  AND any(label IN labels(u) WHERE label IN $derived)
WITH u ORDER BY u.id
MATCH (u)-[:HEAD]->(head:Version)
CALL (head) {
  MATCH (head)-[:WAS_DERIVED_FROM*0..]->(made:Version)
  WITH DISTINCT made
  WHERE made.kind IN $derived
  MATCH (made)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE NOT EXISTS { (source)<-[:HEAD]-(:Unit {state: 'live'}) }
  RETURN true AS stale LIMIT 1
}
RETURN u.space AS space, properties(head) AS version ORDER BY u.id LIMIT $limit
