// Give versions other policy classes, and their units those of the heads.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
SET v.policy_class = row.key
WITH DISTINCT v.unit_id AS id
MATCH (u:Unit {id: id})-[:HEAD]->(head:Version)
SET u.policy_class = head.policy_class
RETURN count(*) AS count
