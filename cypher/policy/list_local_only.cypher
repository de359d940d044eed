// Of policy classes, those that need a local-only space or a unit of one, with these spaces.
CYPHER 5
MATCH (space:Space {local_only: true})<-[:ON]-(:Right)<-[:NEEDS]-(class:PolicyClass)
WHERE class.key IN $classes
RETURN class.key AS key, collect(DISTINCT space.id) AS spaces
ORDER BY key
