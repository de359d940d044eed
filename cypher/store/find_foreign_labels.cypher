// Labels of ours on nodes in a database that memwalk never set up; not on what setting up writes first.
CYPHER 5
MATCH (node)
WHERE any(label IN labels(node) WHERE label IN $labels)
  AND NOT (node:Store AND node.id = 'memwalk' AND node.uuid IS NOT NULL)
  AND NOT (node:Counter AND node.id = 0 AND node.audited_from IS NOT NULL)
  AND NOT (node:Migration AND node.checksum IN $checksums)
WITH node LIMIT 1000
UNWIND labels(node) AS label
RETURN DISTINCT label ORDER BY label
