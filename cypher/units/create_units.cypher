// Create units of one space with their first versions.
CYPHER 5
MATCH (activity:Activity {id: $activity})
MATCH (space:Space {id: $space})
UNWIND $rows AS row
CREATE (space)<-[:IN_SPACE]-(u:Unit:$(row.kind))-[:HEAD]->(v:Version)-[:WAS_GENERATED_BY]->(activity)
SET u += row.unit, v += row.version
RETURN count(*) AS count
