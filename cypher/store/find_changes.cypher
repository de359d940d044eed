// The latest changes by a principal, of an operation, to a unit, in a time; each filter but the time may be null.
CYPHER 5
MATCH (change:Change)
WHERE change.seq > 0 AND change.at >= $since AND change.at < $until
  AND ($principal IS NULL OR change.principal = $principal)
  AND ($operation IS NULL OR change.operation = $operation)
  AND ($unit IS NULL OR $unit IN change.units)
RETURN change.seq AS seq, change.at AS at, change.operation AS operation, change.principal AS principal,
  change.detail AS detail, change.units AS units
ORDER BY change.seq DESC
LIMIT $limit
