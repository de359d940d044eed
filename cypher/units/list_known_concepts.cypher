// State of entities and facts, whether passages of these spaces ever evidenced them, and the vector of a retired one.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
RETURN u.id AS id, u.state AS state, u.kept AS vector, EXISTS {
  MATCH (u)-[:EVIDENCED_BY]->(v:Version)
  MATCH (passage:Unit {id: v.unit_id})
  WHERE passage.space IN $spaces } AS own
