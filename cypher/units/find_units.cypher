// Units a principal may read whose id starts so.
CYPHER 5
MATCH (u:Unit)
WHERE u.id STARTS WITH $prefix AND u.state IN $states AND (u.policy_class IN $classes
  OR (u.policy_class IS NULL AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to = $forever AND source.policy_class IN $classes }))
RETURN u.id AS id ORDER BY id LIMIT 3
