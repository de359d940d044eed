// Payloads that are to be deleted.
CYPHER 5
MATCH (erasure:Erasure)
RETURN erasure.payload AS payload ORDER BY payload
