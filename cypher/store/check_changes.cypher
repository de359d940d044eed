// How many changes there are, between which numbers, and which number the counter is at.
CYPHER 5
OPTIONAL MATCH (counter:Counter {id: 0})
OPTIONAL MATCH (change:Change)
RETURN max(counter.seq) AS latest, count(change) AS changes, min(change.seq) AS first, max(change.seq) AS last
