// How the latest answers came about: who asked what, and which unit versions were loaded in which form.
CYPHER 5
MATCH (activity:Activity {name: 'generate'})
WITH activity ORDER BY activity.at DESC, activity.id DESC LIMIT 20
MATCH (activity)-[:ACTED_FOR]->(principal:Principal)
OPTIONAL MATCH (activity)-[used:USED]->(version:Version)
OPTIONAL MATCH (unit:Unit {id: version.unit_id})
RETURN toString(datetime.truncate('second', datetime({epochMillis: activity.at}))) AS asked, principal.id AS principal, activity.detail AS question, used.form AS form,
  [label IN labels(unit) WHERE label <> 'Unit'][0] AS kind, unit.name AS name, version.seq AS version,
  version.seq = unit.seq AND unit.state = 'live' AS current, used.loadable AS loadable, activity.id AS id
ORDER BY activity.at DESC, id DESC, form, name, loadable
LIMIT $limit
