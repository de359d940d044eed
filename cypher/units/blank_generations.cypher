// Remove the questions of generations that loaded versions of these units, or quote a text.
CYPHER 5
MATCH (activity:Activity {name: 'generate'})
WHERE activity.detail <> '' AND (
  activity.detail IN $equal OR any(text IN $contained WHERE activity.detail CONTAINS text)
  OR EXISTS { MATCH (activity)-[:USED]->(v:Version) WHERE v.unit_id IN $ids })
SET activity.detail = ''
RETURN count(activity) AS count
