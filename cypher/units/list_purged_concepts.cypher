// The entities and facts that versions of these units ever evidenced, and whether others did as well.
CYPHER 5
UNWIND $ids AS id
MATCH (:Version {unit_id: id})<-[:EVIDENCED_BY]-(concept:Unit)
WITH DISTINCT concept
RETURN concept.id AS id, EXISTS {
  MATCH (concept)-[:EVIDENCED_BY]->(other:Version)
  WHERE NOT other.unit_id IN $ids } AS elsewhere
ORDER BY id
