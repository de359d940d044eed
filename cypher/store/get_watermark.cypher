// The number of the latest change whose commit has ended: waits for the lock that writers hold until then.
CYPHER 5
MATCH (counter:Counter {id: 0})
SET counter._l = true
REMOVE counter._l
WITH counter
RETURN counter.seq AS seq
