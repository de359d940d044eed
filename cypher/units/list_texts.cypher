// What versions of units ever said.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.seq > 0 AND v.text <> ''
RETURN DISTINCT v.text AS text
