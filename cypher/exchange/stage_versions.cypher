// Versions of staged units, in a policy class that nobody holds; rows are by unit, oldest first.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
CREATE (v:Version)
SET v += row.version, v.policy_class = $stage
FOREACH (_ IN CASE WHEN row.is_head THEN [1] ELSE [] END | CREATE (u)-[:HEAD]->(v))
RETURN count(*) AS count
