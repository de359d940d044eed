// Units by id, whoever may read them: all that they bear but their vectors.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
RETURN u.id AS id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind, u {.*, vector: null} AS unit,
  u.vector IS NOT NULL AS vector
