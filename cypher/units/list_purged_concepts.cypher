// The entities and facts that versions of these units ever evidenced, and whether others did as well.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)<-[:EVIDENCED_BY]-(concept:Unit)
WHERE v.unit_id = id AND v.seq > 0
WITH DISTINCT concept
RETURN concept.id AS id, EXISTS {
  MATCH (concept)-[:EVIDENCED_BY]->(other:Version)
  WHERE NOT other.unit_id IN $ids } AS elsewhere
ORDER BY id
