// Payloads whose last version is purged: to be deleted once that is committed.
CYPHER 5
UNWIND $payloads AS payload
MERGE (erasure:Erasure {payload: payload})
RETURN count(*) AS count
