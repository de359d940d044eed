// The end of the audit chain with the counter locked, and how many change records lie beyond it, where none can be.
CYPHER 5
MATCH (counter:Counter {id: 0})
SET counter._l = true
REMOVE counter._l
WITH counter
OPTIONAL MATCH (change:Change) WHERE change.seq > counter.seq
RETURN counter.seq AS seq, counter.hash AS hash, coalesce(counter.audited_from, 1) AS audited_from, count(change) AS beyond
