// Nodes of somebody's graph that have one of these labels, with their relationships of these types to other such nodes.
CYPHER 5
MATCH (n)
WHERE any(label IN labels(n) WHERE label IN $labels)
RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties,
  COLLECT {
    MATCH (n)-[r]->(other)
    WHERE type(r) IN $types AND any(label IN labels(other) WHERE label IN $labels)
    RETURN {type: type(r), properties: properties(r), labels: labels(other), names: [name IN $names | other[name]]}
  } AS relationships
