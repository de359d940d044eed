// Lock versions, in the order given, and read the rights they need by their policy classes.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
SET v._l = true
REMOVE v._l
WITH row, v
MATCH (class:PolicyClass {key: v.policy_class})
RETURN row.id AS id, row.seq AS seq, COLLECT { MATCH (class)-[:NEEDS]->(right:Right) RETURN right.key } AS rights
