// The live entities among these units, with their near-synonyms.
CYPHER 5
UNWIND $ids AS id
MATCH (n:Unit {id: id, state: 'live'})
WHERE n:Entity
RETURN n.id AS id, n.seq AS seq, n.vector AS vector,
  COLLECT {
    MATCH (n)-[edge:SIMILAR_TO]-(other:Entity {state: 'live'})
    WHERE edge.tx_to = $forever
    RETURN DISTINCT [other.id, edge.score]
  } AS similar
