// The edges from units to units, past ones too.
CYPHER 5
UNWIND $ids AS id
MATCH (:Unit {id: id})-[edge]->(target:Unit)
RETURN id AS source, type(edge) AS type, target.id AS target, properties(edge) AS edge
