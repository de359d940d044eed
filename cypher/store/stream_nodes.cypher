// Every node.
CYPHER 5
MATCH (n)
RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties, n.vector AS vector
