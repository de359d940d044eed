// Lock what needs these versions, and the units these are of: what is derived from them, and tombstones after them.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
CALL (v) {
  MATCH (v)<-[:WAS_DERIVED_FROM]-(next:Version)
  WHERE next.kind IN $derived
  RETURN next
  UNION
  MATCH (v)<-[:PREVIOUS]-(next:Version {state: 'retired'})
  RETURN next
}
WITH DISTINCT next
MATCH (u:Unit {id: next.unit_id})
WITH u, next ORDER BY next.unit_id, next.seq
SET u._l = true, next._l = true
REMOVE u._l, next._l
RETURN next.unit_id AS id, next.seq AS seq
