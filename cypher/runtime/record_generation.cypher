// What was loaded for a generation, in which form.
CYPHER 5
MATCH (activity:Activity {id: $activity})
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
CREATE (activity)-[:USED {form: row.form, loadable: row.loadable}]->(v)
RETURN count(*) AS count
