// Who may read a unit ($unit: its id or the beginning of one) now, and by which grants.
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
WITH unit, class, principal, COLLECT {
    MATCH (principal)-[:MEMBER_OF*0..]->(holder:Principal)-[grant:GRANTED]->(target)
    WHERE grant.from <= timestamp() AND grant.until > timestamp()
      AND (target:Store OR EXISTS { (class)-[:NEEDS]->(:Right)-[:ON]->(target) })
    WITH DISTINCT holder, grant, target
    RETURN {text: holder.id + ' is ' + grant.role + ' of ' + CASE WHEN target:Store THEN 'the store' ELSE target.id END,
      target: CASE WHEN target:Store THEN 'store' ELSE 'space:' + target.id END} AS held
    ORDER BY held.text } AS grants
WHERE any(held IN grants WHERE held.target = 'store')
  OR NOT EXISTS { (class)-[:NEEDS]->(right:Right) WHERE NOT right.key IN [held IN grants | held.target] }
RETURN unit.name AS unit, principal.id AS principal, principal.kind AS kind, class.key AS needs,
  [held IN grants | held.text] AS grants
ORDER BY unit, principal, needs
LIMIT $limit
