// Units a principal may read, by id, as their head versions say they are. By the id index: the planner may take that of policy classes, which grows.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})-[:HEAD]->(v:Version)
USING INDEX u:Unit(id)
WHERE v.state IN $states
  AND ($valid_at IS NULL OR (coalesce(v.valid_from, $valid_at) <= $valid_at AND (v.valid_to IS NULL OR v.valid_to > $valid_at)))
  AND (v.policy_class IN $classes
    OR (v.policy_class IS NULL AND EXISTS {
      MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
      WHERE edge.tx_to = $forever AND source.policy_class IN $classes }))
RETURN u.space AS space, properties(v) AS version
