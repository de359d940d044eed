// How many units each unfinished import has left where nobody can read them.
CYPHER 5
MATCH (u:Unit)
WHERE u.policy_class STARTS WITH 'import:'
RETURN u.policy_class AS stage, count(*) AS units
ORDER BY stage
