// What the classes of versions follow from: the unit's own right, what it was published from, and the source versions.
CYPHER 5
UNWIND $rows AS row
MATCH (v:Version {unit_id: row.id, seq: row.seq})
MATCH (u:Unit {id: row.id})
RETURN row.id AS id, row.seq AS seq, v.policy_class AS policy_class, u.right AS right,
  coalesce(u.published, []) AS published,
  CASE WHEN v.state = 'retired' THEN COLLECT {
    MATCH (v)-[:PREVIOUS]->(source:Version) RETURN {id: source.unit_id, seq: source.seq} }
  WHEN v.kind IN $derived THEN COLLECT {
    MATCH (v)-[:WAS_DERIVED_FROM]->(source:Version) RETURN {id: source.unit_id, seq: source.seq} }
  ELSE [] END AS sources
