// The messages of a conversation a principal may read, in order.
CYPHER 5
MATCH (:Unit:Conversation {id: $conversation, state: 'live'})-[edge:HAS_PART]->(message:Message {state: 'live'})
WHERE edge.tx_to = $forever AND message.policy_class IN $classes
RETURN message.id AS id, message.role AS role, message.text AS text, message.seq AS seq, message.ordinal AS ordinal
ORDER BY ordinal, id
