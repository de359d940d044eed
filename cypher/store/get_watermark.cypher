// The number of the latest committed change.
CYPHER 5
OPTIONAL MATCH (counter:Counter {id: 0})
RETURN coalesce(counter.seq, 0) AS seq
