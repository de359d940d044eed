// Lock all versions of units, in their order.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version {unit_id: id})
WHERE v.tx_from IS NOT NULL
WITH v ORDER BY v.unit_id, v.seq
SET v._l = true
REMOVE v._l
RETURN v.unit_id AS id, v.seq AS seq
