// Staged units to take back: those that no readable unit is made from, nor has as a part.
CYPHER 5
MATCH (u:Unit)
WHERE u.policy_class = $stage
  AND NOT EXISTS { MATCH (u)<-[:HAS_PART]-(whole:Unit) WHERE NOT whole.policy_class STARTS WITH 'import:' }
  AND NOT EXISTS {
    MATCH (v:Version)<-[:WAS_DERIVED_FROM]-(made:Version)
    WHERE v.unit_id = u.id AND v.seq > 0 AND NOT made.policy_class STARTS WITH 'import:' }
RETURN u.id AS id ORDER BY id LIMIT $limit
