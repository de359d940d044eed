// Versions that something new shall be derived from: the named ones, or heads; only of readable policy classes.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
MATCH (v:Version {unit_id: row.id, seq: coalesce(row.seq, u.seq)})
WHERE v.policy_class IN $classes
RETURN row.id AS id, row.seq AS asked, v.seq AS seq, v.state AS state
