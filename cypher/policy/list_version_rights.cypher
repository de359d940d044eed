// The rights that versions need, by their policy classes.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (class:PolicyClass {key: v.policy_class})
RETURN row.id AS id, row.seq AS seq, COLLECT { MATCH (class)-[:NEEDS]->(right:Right) RETURN right.key } AS rights
