// What each readable passage mentions, how often, and what it is about; one row a passage.
CYPHER 5
MATCH (p:Passage {state: 'live'})
WHERE p.policy_class IN $classes
RETURN p.id AS id,
  COLLECT { MATCH (p)-[edge:MENTIONS]->(n:Entity) WHERE edge.tx_to = $forever RETURN n.id ORDER BY n.id } AS mentions,
  COLLECT { MATCH (p)-[edge:MENTIONS]->(n:Entity) WHERE edge.tx_to = $forever RETURN edge.count ORDER BY n.id } AS counts,
  COLLECT { MATCH (p)-[edge:ABOUT]->(n:Entity) WHERE edge.tx_to = $forever RETURN n.id ORDER BY n.id } AS about
