// Versions that these policy classes do not show, of units that they do.
CYPHER 5
MATCH (u:Unit)
WHERE u.policy_class IN $classes
MATCH (v:Version)
WHERE v.unit_id = u.id AND v.seq > 0 AND NOT v.policy_class IN $classes
RETURN v.unit_id AS id, v.seq AS seq
