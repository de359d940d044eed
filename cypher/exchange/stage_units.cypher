// Units as they shall be, in a policy class that nobody holds.
CYPHER 5
UNWIND $rows AS row
CREATE (u:Unit:$(row.kind))
SET u += row.unit, u.policy_class = $stage
RETURN count(*) AS count
