// What versions of units ever said.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version {unit_id: id})
WHERE v.text <> ''
RETURN DISTINCT v.text AS text
