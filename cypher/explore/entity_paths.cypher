// The shortest paths between two entities ($from, $to: their names), through passages, facts and near-synonyms.
CYPHER 5
MATCH (a:Entity {state: 'live'})
WHERE a.name = toLower(trim(toString($from)))
MATCH (b:Entity {state: 'live'})
WHERE b.name = toLower(trim(toString($to))) AND a <> b
MATCH path = allShortestPaths((a)-[:MENTIONS|SUBJECT|OBJECT|SIMILAR_TO*..8]-(b))
WHERE all(edge IN relationships(path) WHERE coalesce(edge.tx_to, 9223372036854775807) = 9223372036854775807)
  AND all(unit IN nodes(path) WHERE unit.state = 'live')
WITH nodes(path) AS units, relationships(path) AS edges
RETURN size(edges) AS edges,
  reduce(text = units[0].name, i IN range(0, size(edges) - 1) |
    text + ' -[' + type(edges[i]) + ']- ' + units[i + 1].name) AS path,
  [unit IN units | unit.id] AS ids
ORDER BY edges, path, ids
LIMIT $limit
