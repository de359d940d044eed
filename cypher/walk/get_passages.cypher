// The live passages among these units, with their policy class and all that they are the evidence of.
CYPHER 5
UNWIND $ids AS id
MATCH (p:Unit {id: id, state: 'live'})-[:HEAD]->(head:Version)
WHERE p:Passage AND p.policy_class IS NOT NULL
RETURN p.id AS id, 'Passage' AS kind, p.space AS space, p.policy_class AS policy, p.seq AS seq, p.name AS name,
  p.text AS text, p.vector AS vector,
  COLLECT { MATCH (p)-[edge:MENTIONS]->(n:Entity) WHERE edge.tx_to = $forever RETURN n.id } AS mentions,
  COLLECT { MATCH (p)-[edge:ABOUT]->(n:Entity) WHERE edge.tx_to = $forever RETURN n.id } AS about,
  COLLECT {
    MATCH (fact:Fact)-[edge:EVIDENCED_BY]->(head)
    WHERE edge.tx_to = $forever
    RETURN [fact.id, edge.count]
  } AS states,
  COLLECT { MATCH (p)-[edge:NEXT]-(q:Passage {state: 'live'}) WHERE edge.tx_to = $forever RETURN DISTINCT q.id } AS beside
