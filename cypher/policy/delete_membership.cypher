// Take a principal out of a group.
CYPHER 5
MATCH (:Principal {id: $member})-[edge:MEMBER_OF]->(:Principal {id: $group})
DELETE edge
RETURN count(edge) AS count
