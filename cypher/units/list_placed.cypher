// Passages that are there, with what their head says and whether they are part of a document, and the next ones.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})
RETURN u.id AS id, u.content_hash AS content_hash,
  EXISTS { MATCH (:Document)-[edge:HAS_PART]->(u) WHERE edge.tx_to = $forever } AS is_part,
  COLLECT { MATCH (u)-[edge:NEXT]->(target:Unit) WHERE edge.tx_to = $forever RETURN target.id ORDER BY target.id } AS next
