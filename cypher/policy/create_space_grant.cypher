// Grant a role on a space; a running grant of the same role is replaced.
CYPHER 5
MATCH (principal:Principal {id: $principal})
MATCH (space:Space {id: $space})
OPTIONAL MATCH (principal)-[old:GRANTED {role: $role}]->(space)
WHERE old.until > $from
WITH principal, space, collect(old) AS running
FOREACH (old IN running | SET old.until = $from)
CREATE (principal)-[:GRANTED {role: $role, from: $from, until: $until}]->(space)
RETURN space.id AS id
