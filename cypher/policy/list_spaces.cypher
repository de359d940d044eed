// The spaces a principal may read, with the numbers of documents it may read there.
CYPHER 5
MATCH (space:Space)
WHERE 'space:' + space.id IN $classes
RETURN space.id AS id, space.local_only AS local_only,
  COUNT { (document:Document {state: 'live'})-[:IN_SPACE]->(space) WHERE document.policy_class IN $classes } AS documents
ORDER BY id
