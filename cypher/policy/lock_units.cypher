// Lock units of spaces, in the order of the ids given, and read their own rights.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u.space IS NOT NULL
SET u._l = true
REMOVE u._l
WITH u
RETURN u.id AS id, u.space AS space, u.seq AS seq, u.state AS state, u.right AS right,
  coalesce(u.published, []) AS published, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind
