// The own rights of units a principal may read, whatever their state; null for those readable by evidence.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
USING INDEX u:Unit(id)
WHERE u.policy_class IN $classes
  OR (u.policy_class IS NULL AND u.state = 'live' AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to = 9223372036854775807 AND source.policy_class IN $classes })
RETURN u.id AS id, u.space AS space, u.right AS right
