// Units a principal may read that bear exactly this name, through the full-text index.
CYPHER 5
CALL db.index.fulltext.queryNodes('unit_text', $phrase) YIELD node AS u
WHERE toLower(u.name) = toLower($name) AND u.state IN $states AND (u.policy_class IN $classes
  OR (u.policy_class IS NULL AND EXISTS {
    MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
    WHERE edge.tx_to = $forever AND source.policy_class IN $classes }))
RETURN u.id AS id, [label IN labels(u) WHERE label <> 'Unit'][0] AS kind ORDER BY kind, id LIMIT 10
