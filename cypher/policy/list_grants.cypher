// The running grants on spaces and on the store.
CYPHER 5
MATCH (principal:Principal)-[grant:GRANTED]->(target)
WHERE grant.until > $at AND (target:Store OR $space IS NULL OR target.id = $space)
RETURN principal.id AS principal, grant.role AS role, CASE WHEN target:Store THEN null ELSE target.id END AS space,
  grant.from AS since, grant.until AS until
ORDER BY principal, space, role
