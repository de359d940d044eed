// The parts, past ones too, of units that these policy classes show.
CYPHER 5
MATCH (u:Unit)-[:HAS_PART]->(part:Unit)
WHERE u.policy_class IN $classes AND part.policy_class IN $classes
RETURN DISTINCT u.id AS id, part.id AS part
