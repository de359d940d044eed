// KV blocks and adapters a principal may read, with their sources.
CYPHER 5
MATCH (u:Unit {state: 'live'})
WHERE (u:KVBlock OR u:Adapter) AND u.policy_class IN $classes
MATCH (u)-[:HEAD]->(head:Version)-[:WAS_DERIVED_FROM]->(source:Version)
WHERE head.policy_class IN $classes
WITH u, head, source ORDER BY source.unit_id
RETURN u.id AS id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind, u.name AS name, u.space AS space, u.seq AS seq,
  head.payload AS payload, head.fingerprint AS fingerprint, head.adapters AS adapters, head.tokens AS tokens,
  head.bytes AS bytes, head.source_order AS source_order, collect({id: source.unit_id, seq: source.seq}) AS sources
ORDER BY id
