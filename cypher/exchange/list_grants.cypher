// All grants and denials on spaces and units, whenever they run; none on the store.
CYPHER 5
MATCH (principal:Principal)-[edge:GRANTED|DENIED]->(target)
WHERE target:Space OR target:Unit
RETURN principal.id AS principal, toLower(type(edge)) AS type, edge.role AS role, edge.from AS from, edge.until AS until,
  CASE WHEN target:Space THEN target.id END AS space, CASE WHEN target:Unit THEN target.id END AS unit
