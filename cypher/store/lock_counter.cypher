// The latest number and hash of the change sequence, locked until the end of the transaction.
CYPHER 5
MATCH (counter:Counter {id: 0})
SET counter._l = true
REMOVE counter._l
WITH counter
RETURN counter.seq AS seq, counter.hash AS hash
