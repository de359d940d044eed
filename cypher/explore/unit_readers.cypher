// Who may read a unit ($unit: its id or the beginning of one) now, and by which grants; whoever is denied it is not listed.
CYPHER 5
MATCH (unit:Unit {state: 'live'})
WHERE unit.id STARTS WITH toString($unit)
CALL (unit) {
  WITH unit
  WHERE unit.policy_class IS NOT NULL
  RETURN unit.policy_class AS key
  UNION
  MATCH (unit)-[edge:EVIDENCED_BY]->(evidence:Version)
  WHERE edge.tx_to = 9223372036854775807
  RETURN evidence.policy_class AS key
}
MATCH (class:PolicyClass {key: key})
MATCH (principal:Principal)
CALL (class, principal) {
  MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)
  WITH DISTINCT class, holder
  MATCH (holder)-[edge:GRANTED|DENIED]->(target)<-[:ON]-(right:Right)<-[:NEEDS]-(class)
  WHERE edge.from <= timestamp() AND edge.until > timestamp() AND (type(edge) = 'GRANTED' OR edge.role = 'reader')
  WITH right, collect(DISTINCT type(edge)) AS kinds, collect(holder.id + ' is ' + edge.role + ' of '
    + CASE WHEN target:Store THEN 'the store' WHEN target:Unit THEN 'unit ' + target.id ELSE target.id END) AS texts
  WHERE NOT 'DENIED' IN kinds
  RETURN count(right) AS held, collect(texts) AS lists
}
WITH unit, class, principal, lists, held
WHERE held = COUNT { (class)-[:NEEDS]->(:Right) }
UNWIND lists AS texts
UNWIND texts AS text
WITH DISTINCT unit, class, principal, text ORDER BY text
RETURN unit.name AS unit, principal.id AS principal, principal.kind AS kind, class.key AS needs, collect(text) AS grants
ORDER BY unit, principal, needs
LIMIT $limit
