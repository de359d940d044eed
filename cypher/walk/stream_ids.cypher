// The ids of all live units that are walked, those that others are told with first.
CYPHER 5
MATCH (u:Entity|Fact|Passage|Note|Summary {state: 'live'})
RETURN u.id AS id
ORDER BY CASE WHEN u:Entity THEN 0 WHEN u:Fact THEN 1 ELSE 2 END, id
