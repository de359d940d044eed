// The grants and denials that run or are to come: all, or those that reach a space and its units, or one unit.
CYPHER 5
MATCH (principal:Principal)-[edge:GRANTED|DENIED]->(target)
WHERE edge.until > $at AND edge.until > edge.from AND (target:Store OR $space IS NULL
  OR (target:Space AND target.id = $space)
  OR (target:Unit AND target.space = $space AND ($unit IS NULL OR target.id = $unit)))
RETURN principal.id AS principal, edge.role AS role,
  CASE WHEN target:Unit THEN target.space WHEN target:Space THEN target.id END AS space,
  CASE WHEN target:Unit THEN target.id END AS unit, edge.from AS since, edge.until AS until,
  type(edge) = 'DENIED' AS denied
ORDER BY principal, space, unit, denied, role, since
