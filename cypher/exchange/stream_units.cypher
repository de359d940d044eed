// The units of spaces that these policy classes show, whatever their state.
CYPHER 5
MATCH (u:Unit)
WHERE u.policy_class IN $classes
RETURN u.id AS id, u.space AS space, u.seq AS seq, size(coalesce(u.published, [])) > 0 AS published,
  [label IN labels(u) WHERE label <> 'Unit'][0] AS kind
