// What passages last said, or say, by its hash: its vector, and the entities and facts that were read out of it.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE u.said IS NOT NULL
MATCH (u)-[:HEAD]->(head:Version)
OPTIONAL MATCH (head)-[:PREVIOUS]->(before:Version)
WITH u, CASE u.state WHEN 'live' THEN head ELSE before END AS v
RETURN u.said AS said, v.ordinal AS ordinal, v.extractor AS extractor, coalesce(u.vector, u.kept) AS vector,
  COLLECT {
    MATCH (v)<-[edge:EVIDENCED_BY]-(concept:Unit)
    RETURN concept {.name, .subject, .predicate, .object, count: edge.count} ORDER BY concept.id } AS concepts
