// What versions of these policy classes evidence, past evidence too, with the activities that made them.
CYPHER 5
MATCH (u:Unit {state: 'live'})-[edge:EVIDENCED_BY]->(source:Version)
WHERE source.policy_class IN $classes AND u.policy_class IS NULL
OPTIONAL MATCH (source)-[:WAS_GENERATED_BY]->(activity:Activity)
RETURN u.id AS id, source.unit_id AS source, source.seq AS source_seq, edge.tx_from AS tx_from, edge.tx_to AS tx_to,
  activity.id AS activity
