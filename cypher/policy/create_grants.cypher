// Grants and denials on spaces and units; each takes, from its beginning on, the place of those of the same role before.
CYPHER 5
UNWIND $rows AS row
MATCH (principal:Principal {id: row.principal})
OPTIONAL MATCH (space:Space {id: row.space})
OPTIONAL MATCH (unit:Unit {id: row.unit})
WITH row, principal, coalesce(unit, space) AS target
WHERE target IS NOT NULL
OPTIONAL MATCH (principal)-[old:GRANTED|DENIED]->(target)
WHERE type(old) = row.type AND old.role = row.role AND old.until > row.from
WITH row, principal, target, collect(old) AS running
FOREACH (old IN running | SET old.until = CASE WHEN old.from > row.from THEN old.from ELSE row.from END)
CREATE (principal)-[edge:$(row.type) {role: row.role, from: row.from, until: row.until}]->(target)
RETURN count(edge) AS count
