// The changes after a number and up to another, in order.
CYPHER 5
MATCH (change:Change)
WHERE change.seq > $since AND change.seq <= $upto
RETURN change.seq AS seq, change.at AS at, change.operation AS operation, change.principal AS principal,
  change.detail AS detail, change.units AS units
ORDER BY change.seq
LIMIT $limit
