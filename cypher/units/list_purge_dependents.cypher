// What goes with units that are purged, one step on: their parts of any time, what was derived, the questions of answers.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
CALL (u) {
  MATCH (u)-[:HAS_PART]->(part:Unit)
  RETURN part.id AS found
  UNION
  MATCH (v:Version)<-[:WAS_DERIVED_FROM]-(made:Version)
  WHERE v.unit_id = u.id AND v.seq > 0 AND made.kind IN $kinds
  RETURN made.unit_id AS found
  UNION
  MATCH (u:Message {role: 'assistant'})<-[:NEXT]-(asked:Message {role: 'user'})
  RETURN asked.id AS found
}
RETURN DISTINCT found AS id ORDER BY id
