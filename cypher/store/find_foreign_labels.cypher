// Labels of ours on nodes in a database that memwalk never set up.
CYPHER 5
MATCH (node)
WHERE any(label IN labels(node) WHERE label IN $labels)
WITH node LIMIT 1000
UNWIND labels(node) AS label
RETURN DISTINCT label ORDER BY label
