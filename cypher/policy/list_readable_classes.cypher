// The policy classes whose every right a principal holds, itself or through its groups.
CYPHER 5
MATCH (:Principal {id: $principal})-[:MEMBER_OF*0..]->(group:Principal)
WITH collect(DISTINCT group) AS groups
MATCH (class:PolicyClass)
WHERE EXISTS {
    MATCH (group:Principal)-[grant:GRANTED]->(:Store)
    WHERE group IN groups AND grant.from <= $at AND grant.until > $at }
  OR NOT EXISTS {
    MATCH (class)-[:NEEDS]->(right:Right)
    WHERE NOT EXISTS {
      MATCH (right)-[:ON]->(:Space)<-[grant:GRANTED]-(group:Principal)
      WHERE group IN groups AND grant.from <= $at AND grant.until > $at } }
RETURN class.key AS key ORDER BY key
