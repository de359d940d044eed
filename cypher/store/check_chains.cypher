// Versions that do not follow the one before of the same unit, or are not followed by exactly one, or else the head.
CYPHER 5
MATCH (version:Version)
WITH version, COUNT { (version)<-[:PREVIOUS]-() } AS successors,
  COUNT { (version)<-[:HEAD]-(:Unit {id: version.unit_id}) } AS heads
OPTIONAL MATCH (version)-[:PREVIOUS]->(earlier)
WITH version, successors, heads, count(earlier) AS predecessors, max(earlier.seq) AS before, max(earlier.unit_id) AS of
WHERE successors + heads <> 1
  OR (version.seq = 1 AND predecessors <> 0)
  OR (version.seq > 1 AND (predecessors <> 1 OR before <> version.seq - 1 OR of <> version.unit_id))
RETURN version.unit_id AS unit, version.seq AS seq, predecessors, successors, heads
ORDER BY unit, seq
