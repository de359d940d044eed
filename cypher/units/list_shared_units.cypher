// A page of the entities and facts that readable passages evidence, by id.
CYPHER 5
MATCH (u:Unit)
WHERE u.id > $after AND u.state = 'live' AND u.policy_class IS NULL AND ($kind IS NULL OR $kind IN labels(u))
  AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to = $forever AND source.policy_class IN $classes }
WITH u ORDER BY u.id LIMIT $limit
MATCH (u)-[:HEAD]->(v:Version)
RETURN u.space AS space, properties(v) AS version
