// Those of these units that are there, readable or not.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
RETURN id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind, u.space AS space, u.state AS state, u.name AS name,
  u {.subject, .predicate, .object} AS properties, u.policy_class AS policy_class
