// New head versions of units that are locked; the old ones end where the new begin, and keep the vectors they had.
CYPHER 5
MATCH (activity:Activity {id: $activity})
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})-[head:HEAD]->(old:Version)
OPTIONAL MATCH (old)-[:PREVIOUS]->(before:Version)
DELETE head
SET old.tx_to = row.at
SET (CASE old.state WHEN 'live' THEN old ELSE before END).vector = coalesce(u.vector, u.kept)
CREATE (u)-[:HEAD]->(v:Version)-[:PREVIOUS]->(old)
CREATE (v)-[:WAS_GENERATED_BY]->(activity)
SET v += row.version, u += row.unit
RETURN count(*) AS count
