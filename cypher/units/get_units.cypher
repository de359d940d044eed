// Units a principal may read, by id.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})-[:HEAD]->(head:Version)
WHERE u.policy_class IN $classes
  OR (u.policy_class IS NULL AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to = $forever AND source.policy_class IN $classes })
RETURN u.id AS id, labels(u) AS labels, u.space AS space, u.seq AS seq, u.name AS name, u.text AS text,
  properties(u) AS properties, properties(head) AS version
