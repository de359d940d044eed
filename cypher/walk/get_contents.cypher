// What the readable ones among these units say: entities and facts if a readable passage evidences them.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id, state: 'live'})
WHERE u.policy_class IN $classes
OR ((u:Entity OR u:Fact) AND EXISTS {
  MATCH (u)-[edge:EVIDENCED_BY]->(source:Version)
  WHERE edge.tx_to = $forever AND source.policy_class IN $classes
})
RETURN u.id AS id, u.seq AS seq, u.name AS name, u.text AS text
