// The most connected entities: how many passages mention them, how many facts and near-synonyms they have.
CYPHER 5
MATCH (entity:Entity {state: 'live'})
WITH entity,
  COUNT { (entity)<-[edge:MENTIONS]-(:Passage {state: 'live'}) WHERE edge.tx_to = 9223372036854775807 } AS passages,
  COUNT { (entity)<-[:SUBJECT|OBJECT]-(:Fact {state: 'live'}) } AS facts,
  COUNT { (entity)-[edge:SIMILAR_TO]-(:Entity {state: 'live'}) WHERE edge.tx_to = 9223372036854775807 } AS near_synonyms
RETURN entity.name AS entity, passages, facts, near_synonyms, entity.id AS id
ORDER BY passages + facts + near_synonyms DESC, entity, id
LIMIT $limit
