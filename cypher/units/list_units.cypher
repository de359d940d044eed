// A page of the units of readable policy classes, by id: each class is read from its own place in the index.
CYPHER 5
UNWIND $classes AS class
CALL (class) {
  MATCH (u:Unit)
  WHERE u.policy_class = class AND u.id > $after AND u.state IN $states
    AND ($space IS NULL OR u.space = $space) AND ($kind IS NULL OR $kind IN labels(u))
    AND all(tag IN $tags WHERE tag IN u.tags)
    AND ($valid_at IS NULL OR (coalesce(u.valid_from, $valid_at) <= $valid_at AND (u.valid_to IS NULL OR u.valid_to > $valid_at)))
  RETURN u ORDER BY u.policy_class, u.id LIMIT $limit
}
WITH u ORDER BY u.id LIMIT $limit
MATCH (u)-[:HEAD]->(v:Version)
WHERE v.policy_class IN $classes AND v.state IN $states
RETURN u.space AS space, properties(v) AS version
