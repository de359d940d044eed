// The lineage of a unit ($unit: its id or the beginning of one): what it was made from, and what was made from it.
CYPHER 5
MATCH (unit:Unit)-[:HEAD]->(head:Version)
WHERE unit.id STARTS WITH toString($unit)
CALL (unit, head) {
  MATCH path = (head)-[:WAS_DERIVED_FROM*1..6]->(version:Version)
  RETURN 'made from' AS direction, length(path) AS steps, version
  UNION
  MATCH (unit)-[edge:EVIDENCED_BY]->(evidence:Version)
  WHERE edge.tx_to = 9223372036854775807
  MATCH path = (evidence)-[:WAS_DERIVED_FROM*0..5]->(version:Version)
  RETURN 'evidenced by' AS direction, length(path) + 1 AS steps, version
  UNION
  MATCH (own:Version)
  WHERE own.unit_id = unit.id AND own.seq > 0
  MATCH path = (own)<-[:WAS_DERIVED_FROM*1..6]-(version:Version)
  RETURN 'made into' AS direction, length(path) AS steps, version
  UNION
  MATCH (own:Version)
  WHERE own.unit_id = unit.id AND own.seq > 0
  MATCH path = (own)<-[:WAS_DERIVED_FROM*0..5]-(evidence:Version)
  MATCH (evidence)<-[edge:EVIDENCED_BY]-(concept:Unit {state: 'live'})-[:HEAD]->(version:Version)
  WHERE edge.tx_to = 9223372036854775807
  RETURN 'evidence for' AS direction, length(path) + 1 AS steps, version
}
WITH unit, direction, min(steps) AS steps, version
MATCH (other:Unit {id: version.unit_id})
OPTIONAL MATCH (version)-[:WAS_GENERATED_BY]->(activity:Activity)
RETURN unit.name AS unit, direction, steps, [label IN labels(other) WHERE label <> 'Unit'][0] AS kind, other.name AS name,
  version.seq AS version, version.seq = other.seq AND other.state = 'live' AS current, activity.name AS by,
  toString(datetime.truncate('second', datetime({epochMillis: version.tx_from}))) AS at, other.id AS id
ORDER BY unit, direction DESC, steps, kind, name, id, version
LIMIT $limit
