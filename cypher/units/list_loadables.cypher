// KV blocks and adapters a principal may read, with their sources and whether each source is still as it was.
CYPHER 5
MATCH (u:Unit {state: 'live'})
WHERE (u:KVBlock OR u:Adapter) AND u.policy_class IN $classes
MATCH (u)-[:HEAD]->(head:Version)-[:WAS_DERIVED_FROM]->(source:Version)
OPTIONAL MATCH (owner:Unit {id: source.unit_id, state: 'live'})
WITH u, head, source, owner ORDER BY source.unit_id
RETURN u.id AS id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind, u.name AS name, u.space AS space, u.seq AS seq,
  head.payload AS payload, head.fingerprint AS fingerprint, head.adapters AS adapters, head.tokens AS tokens,
  head.bytes AS bytes, head.source_order AS source_order,
  collect({id: source.unit_id, seq: source.seq, fresh: coalesce(owner.seq = source.seq, false)}) AS sources
ORDER BY id
