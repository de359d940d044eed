// Take payloads off the list of those to be deleted, and tell which a version names.
CYPHER 5
UNWIND $payloads AS payload
MATCH (erasure:Erasure {payload: payload})
DELETE erasure
RETURN payload, EXISTS { MATCH (:Version {payload: payload}) } AS named ORDER BY payload
