// The ids of all units that were walked at a time, those that others are told with first.
CYPHER 5
MATCH (v:Version)
WHERE v.tx_to > $at AND v.tx_from <= $at AND v.state = 'live' AND v.kind IN $kinds
RETURN v.unit_id AS id
ORDER BY CASE v.kind WHEN 'Entity' THEN 0 WHEN 'Fact' THEN 1 ELSE 2 END, id
