// Take back staged units and their versions; one that another writer's evidence stands on stays, as that writer left it.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u.policy_class = $stage
MATCH (v:Version)
WHERE v.unit_id = u.id AND v.seq > 0
WITH u, collect(v) AS versions, EXISTS {
  MATCH (u)-[:EVIDENCED_BY]->(source:Version)
  WHERE source.policy_class <> $stage } AS is_used
FOREACH (v IN CASE WHEN is_used THEN versions ELSE [] END | REMOVE v.policy_class)
FOREACH (kept IN CASE WHEN is_used THEN [u] ELSE [] END | REMOVE kept.policy_class)
FOREACH (v IN CASE WHEN is_used THEN [] ELSE versions END | DETACH DELETE v)
FOREACH (gone IN CASE WHEN is_used THEN [] ELSE [u] END | DETACH DELETE gone)
RETURN count(*) AS count
