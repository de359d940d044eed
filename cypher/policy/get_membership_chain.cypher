// Whether a principal is a group, or is in it, itself or through others.
CYPHER 5
MATCH (member:Principal {id: $member})
CALL (member) {
  MATCH (member)-[:MEMBER_OF*0..]->(holder:Principal)
  RETURN DISTINCT holder
}
WITH holder
WHERE holder.id = $group
RETURN holder.id AS id
