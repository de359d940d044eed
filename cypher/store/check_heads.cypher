// Units without exactly one head, or whose head is not the version they say.
CYPHER 5
MATCH (unit:Unit)
OPTIONAL MATCH (unit)-[:HEAD]->(version:Version)
WITH unit, count(version) AS heads, max(version.seq) AS head
WHERE heads <> 1 OR head <> unit.seq
RETURN unit.id AS unit, unit.seq AS seq, heads, head
ORDER BY unit
