// The live notes and summaries of readable classes that are not stale, with text and vector.
CYPHER 5
MATCH (u:Note|Summary {state: 'live'})-[:HEAD]->(head:Version)
WHERE u.policy_class IN $classes
CALL (head) {
  MATCH (head)-[:WAS_DERIVED_FROM*0..]->(made:Version)
  WITH DISTINCT made
  WHERE made.kind IN $derived
  MATCH (made)-[:WAS_DERIVED_FROM]->(source:Version)
  WHERE NOT EXISTS { (source)<-[:HEAD]-(:Unit {state: 'live'}) }
  RETURN count(*) AS gone
}
WITH u, gone
WHERE gone = 0
RETURN u.id AS id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind, u.space AS space, u.seq AS seq, u.name AS name,
  u.text AS text, u.vector AS vector
