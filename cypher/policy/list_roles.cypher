// The roles a principal holds on a space (itself, through its groups, or on the whole store).
CYPHER 5
MATCH (principal:Principal {id: $principal})
OPTIONAL MATCH (principal)-[:MEMBER_OF*0..]->(:Principal)-[grant:GRANTED]->(target)
WHERE grant.from <= $at AND grant.until > $at AND (target:Store OR (target:Space AND target.id = $space))
RETURN principal.id AS principal, collect(DISTINCT {role: grant.role, store: target:Store}) AS roles,
  EXISTS { MATCH (:Space {id: $space}) } AS space_exists
