// End what earlier versions of passages evidenced and mentioned; returns the entities and facts that stood on them.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id})<-[evidence:EVIDENCED_BY]-(u:Unit)
WHERE v.seq < row.seq AND evidence.tx_to = $forever
SET evidence.tx_to = $at
WITH row, collect(DISTINCT u.id) AS evidenced
OPTIONAL MATCH (:Unit {id: row.id})-[edge:MENTIONS|ABOUT]->()
WHERE edge.tx_to = $forever
SET edge.tx_to = $at
RETURN row.id AS id, evidenced
