// The live passages of readable classes, with text and vector.
CYPHER 5
MATCH (p:Passage {state: 'live'})
WHERE p.policy_class IN $classes
RETURN p.id AS id, p.space AS space, p.seq AS seq, p.name AS name, p.text AS text, p.vector AS vector
