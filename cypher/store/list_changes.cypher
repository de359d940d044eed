// The changes after a number, in order, read through the change nodes so that each commit is seen whole.
CYPHER 5
MATCH (change:Change)
WHERE change.seq > $since
RETURN change.seq AS seq, change.at AS at, change.operation AS operation, change.units AS units
ORDER BY change.seq
LIMIT $limit
