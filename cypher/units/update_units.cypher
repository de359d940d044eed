// New head versions of units that are locked; the old ones end where the new begin.
CYPHER 5
MATCH (activity:Activity {id: $activity})
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})-[head:HEAD]->(old:Version)
DELETE head
SET old.tx_to = row.at
CREATE (u)-[:HEAD]->(v:Version)-[:PREVIOUS]->(old)
CREATE (v)-[:WAS_GENERATED_BY]->(activity)
SET v += row.version, u += row.unit
RETURN count(*) AS count
