// The documents that passages are or last were parts of.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})<-[edge:HAS_PART]-(document:Document)
WITH id, document, edge ORDER BY edge.tx_to DESC, document.id
RETURN id, head(collect(document.id)) AS document
