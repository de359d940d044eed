// Whole change records from a number up to another, in order, whatever they hold.
CYPHER 5
MATCH (change:Change)
WHERE change.seq >= $first AND change.seq <= $last
RETURN properties(change) AS record
ORDER BY change.seq
