// Create units that belong to no space, readable by their evidence, with their first versions.
CYPHER 5
MATCH (activity:Activity {id: $activity})
UNWIND $rows AS row
CREATE (u:Unit:$(row.kind))-[:HEAD]->(v:Version)-[:WAS_GENERATED_BY]->(activity)
SET u += row.unit, v += row.version
RETURN count(*) AS count
