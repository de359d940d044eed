// End a principal's grants, or denials, on a space or a unit; those to come are cancelled.
CYPHER 5
MATCH (principal:Principal {id: $principal})
OPTIONAL MATCH (space:Space {id: $space})
OPTIONAL MATCH (unit:Unit {id: $unit})
WITH principal, coalesce(unit, space) AS target
MATCH (principal)-[edge:GRANTED|DENIED]->(target)
WHERE type(edge) = $type AND edge.until > $at AND edge.until > edge.from
SET edge.until = CASE WHEN edge.from > $at THEN edge.from ELSE $at END
RETURN count(edge) AS count
