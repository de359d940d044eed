// Activities by id, with the software that acted and on whose behalf.
CYPHER 5
UNWIND $ids AS id
MATCH (activity:Activity {id: id})
MATCH (activity)-[:WAS_ASSOCIATED_WITH]->(agent:Agent)
MATCH (activity)-[:ACTED_FOR]->(principal:Principal)
RETURN id, activity.name AS name, activity.detail AS detail, activity.at AS at, agent.id AS agent, principal.id AS principal
