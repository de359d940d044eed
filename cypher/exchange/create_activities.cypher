// Activities that are not there yet, with the software that acted and on whose behalf.
CYPHER 5
UNWIND $rows AS row
MATCH (principal:Principal {id: row.principal})
WHERE NOT EXISTS { MATCH (:Activity {id: row.id}) }
MERGE (agent:Agent {id: row.agent})
ON CREATE SET agent.name = row.agent
CREATE (activity:Activity {id: row.id, name: row.name, detail: row.detail, at: row.at})
CREATE (activity)-[:WAS_ASSOCIATED_WITH]->(agent)
CREATE (activity)-[:ACTED_FOR]->(principal)
RETURN count(*) AS count
