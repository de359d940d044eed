// The next record of the change sequence; last in every write transaction, behind the counter's lock.
CYPHER 5
MATCH (counter:Counter {id: 0})
SET counter.seq = $record.seq, counter.hash = $hash
CREATE (change:Change {hash: $hash})
SET change += $record
RETURN change.seq AS seq
