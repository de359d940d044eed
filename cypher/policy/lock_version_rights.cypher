// Lock versions and the units these are of, in the order given, and read the rights they need by their policy classes.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (u:Unit {id: row.id})
SET u._l = true, v._l = true
REMOVE u._l, v._l
WITH row, v
MATCH (class:PolicyClass {key: v.policy_class})
RETURN row.id AS id, row.seq AS seq, COLLECT { MATCH (class)-[:NEEDS]->(right:Right) RETURN right.key } AS rights
