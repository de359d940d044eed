// End a principal's running grants on a space.
CYPHER 5
MATCH (:Principal {id: $principal})-[grant:GRANTED]->(:Space {id: $space})
WHERE grant.until > $at
SET grant.until = $at
RETURN count(grant) AS count
