// Put a principal into a group, unless that would close a circle.
CYPHER 5
MATCH (member:Principal {id: $member})
MATCH (group:Principal {id: $group, kind: 'group'})
WHERE NOT EXISTS { MATCH (group)-[:MEMBER_OF*0..]->(member) }
MERGE (member)-[:MEMBER_OF]->(group)
RETURN group.id AS id
