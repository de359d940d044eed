// What is being done, by which agent, on whose behalf (W3C PROV).
CYPHER 5
MATCH (principal:Principal {id: $principal})
MERGE (agent:Agent {id: $agent})
ON CREATE SET agent.name = $agent
CREATE (activity:Activity {id: $id, name: $name, detail: $detail, at: $at})
CREATE (activity)-[:WAS_ASSOCIATED_WITH]->(agent)
CREATE (activity)-[:ACTED_FOR]->(principal)
RETURN activity.id AS id
