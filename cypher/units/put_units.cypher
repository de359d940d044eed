// Create, revive or update units by content: a new head version where anything differs, nothing otherwise. Rows sorted by id.
CYPHER 5
UNWIND $rows AS row
MERGE (u:Unit {id: row.id})
ON CREATE SET u.seq = 0, u.created_at = $at
SET u._l = true
REMOVE u._l
WITH u, row
WHERE u.seq = 0 OR u.state <> 'live' OR u.content_hash <> row.content_hash
OPTIONAL MATCH (u)-[head:HEAD]->(old:Version)
SET u:$(row.kind)
SET u += row.properties
SET u.space = row.space, u.state = 'live', u.name = row.name, u.text = row.text, u.policy_class = row.policy_class,
  u.content_hash = row.content_hash, u.seq = u.seq + 1
CREATE (u)-[:HEAD]->(v:Version {unit_id: u.id, seq: u.seq, state: 'live', content_hash: row.content_hash, name: row.name,
  text: row.text, policy_class: row.policy_class, tx_from: $at, tx_to: $forever})
SET v += row.version
FOREACH (previous IN CASE WHEN old IS NULL THEN [] ELSE [old] END |
  SET previous.tx_to = $at
  CREATE (v)-[:PREVIOUS]->(previous)
  DELETE head)
WITH u, v, row
MATCH (activity:Activity {id: $activity})
CREATE (v)-[:WAS_GENERATED_BY]->(activity)
WITH u, v, row
OPTIONAL MATCH (space:Space {id: row.space})
FOREACH (home IN CASE WHEN space IS NULL OR v.seq > 1 THEN [] ELSE [space] END |
  CREATE (u)-[:IN_SPACE]->(home))
RETURN u.id AS id, v.seq AS seq
