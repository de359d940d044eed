// The units that belong to no space, whatever their state and whoever may read them.
CYPHER 5
MATCH (u:Unit)
WHERE u.space IS NULL AND u.policy_class IS NULL
RETURN u.id AS id
