// Staged units get the policy class that may read them; null for those readable by evidence.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
WHERE u.policy_class = $stage
OPTIONAL MATCH (space:Space {id: row.space})
FOREACH (_ IN CASE WHEN space IS NULL THEN [] ELSE [1] END | CREATE (u)-[:IN_SPACE]->(space))
SET u.policy_class = row.policy_class
RETURN count(*) AS count
