// What evidences units, past evidence too.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge:EVIDENCED_BY]->(source:Version)
RETURN id, source.unit_id AS source, source.seq AS source_seq, properties(edge) AS edge
