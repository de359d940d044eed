// Which readable passage follows which.
CYPHER 5
MATCH (p:Passage {state: 'live'})-[edge:NEXT]->(q:Passage {state: 'live'})
WHERE edge.tx_to = $forever AND p.policy_class IN $classes AND q.policy_class IN $classes
RETURN p.id AS source, q.id AS target
