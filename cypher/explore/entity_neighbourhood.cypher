// The neighbourhood of an entity ($name, as passages write it): passages that mention it, facts, near-synonyms.
CYPHER 5
MATCH (entity:Entity {state: 'live'})
WHERE entity.name = toLower(trim(toString($name)))
MATCH (entity)-[edge:MENTIONS|ABOUT|SUBJECT|OBJECT|SIMILAR_TO]-(near:Unit {state: 'live'})
WHERE coalesce(edge.tx_to, 9223372036854775807) = 9223372036854775807
RETURN CASE WHEN startNode(edge) = entity THEN '-' + type(edge) + '->' ELSE '<-' + type(edge) + '-' END AS edge,
  [label IN labels(near) WHERE label <> 'Unit'][0] AS kind, near.name AS name, near.space AS space, near.id AS id
ORDER BY edge, name, id
LIMIT $limit
