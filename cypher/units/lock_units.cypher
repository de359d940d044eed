// Lock units, in the order of the ids given, and read what they are now.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
SET u._l = true
REMOVE u._l
WITH u
MATCH (u)-[:HEAD]->(head:Version)
RETURN u.id AS id, head.kind AS kind, u.space AS space, u.seq AS seq, u.state AS state, u.content_hash AS content_hash,
  u.right AS right, coalesce(u.published, []) AS published, head.tx_from AS since, u.name AS name, u.text AS text,
  {tags: head.tags, metadata: head.metadata, valid_from: head.valid_from, valid_to: head.valid_to} AS notes,
  head.stated_from AS stated_from
