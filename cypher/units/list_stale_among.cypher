// Those of these live units that were made from a version that is no live unit's head, directly or through units that need all their sources.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})-[:HEAD]->(head:Version)
CALL (head) {
  MATCH (head)-[:WAS_DERIVED_FROM*0..]->(made:Version)
  WITH DISTINCT made
  WHERE made.kind IN $derived
  MATCH (made)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE NOT EXISTS { (source)<-[:HEAD]-(:Unit {state: 'live'}) }
  RETURN true AS stale LIMIT 1
}
RETURN id
