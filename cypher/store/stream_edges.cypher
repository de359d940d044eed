// Every edge.
CYPHER 5
MATCH (source)-[edge]->(target)
RETURN elementId(source) AS source, elementId(target) AS target, type(edge) AS type, properties(edge) AS properties
