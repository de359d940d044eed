// The payloads that versions of these units name, and no others.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.seq > 0 AND v.payload IS NOT NULL
WITH DISTINCT v.payload AS payload
WHERE NOT EXISTS { MATCH (other:Version {payload: payload}) WHERE NOT other.unit_id IN $ids }
RETURN payload ORDER BY payload
