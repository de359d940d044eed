// The live notes and summaries among these units that are not stale, with their policy class.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})-[:HEAD]->(head:Version)
WHERE (u:Note OR u:Summary) AND u.policy_class IS NOT NULL
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
RETURN u.id AS id, CASE WHEN u:Note THEN 'Note' ELSE 'Summary' END AS kind, u.space AS space, u.policy_class AS policy,
  u.seq AS seq, u.name AS name, u.text AS text, u.vector AS vector
