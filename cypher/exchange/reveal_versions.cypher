// Staged versions get what made them and the policy class that may read them; null for those readable by evidence.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
WHERE v.policy_class = $stage
OPTIONAL MATCH (activity:Activity {id: row.activity})
FOREACH (_ IN CASE WHEN activity IS NULL THEN [] ELSE [1] END | CREATE (v)-[:WAS_GENERATED_BY]->(activity))
SET v.policy_class = row.policy_class
RETURN count(*) AS count
