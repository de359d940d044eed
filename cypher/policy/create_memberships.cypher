// Put principals into groups they are not in yet; that no circle closes is checked before.
CYPHER 5
UNWIND $rows AS row
MATCH (member:Principal {id: row.member})
MATCH (group:Principal {id: row.group, kind: 'group'})
WHERE NOT EXISTS { (member)-[:MEMBER_OF]->(group) }
CREATE (member)-[:MEMBER_OF]->(group)
RETURN count(*) AS count
