// The next entry of the change sequence; last in every write transaction.
CYPHER 5
MATCH (counter:Counter {id: 0})
SET counter.seq = counter.seq + 1
CREATE (:Change {seq: counter.seq, at: $at, operation: $operation, units: $units})
RETURN counter.seq AS seq
