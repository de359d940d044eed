// The conversations a principal may read, newest first.
CYPHER 5
MATCH (c:Conversation {state: 'live'})
WHERE c.policy_class IN $classes
RETURN c.id AS id, c.name AS name, c.space AS space, c.created_at AS created_at
ORDER BY created_at DESC, id DESC
LIMIT $limit
