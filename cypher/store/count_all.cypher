// How many nodes and edges a database holds.
CYPHER 5
RETURN COUNT { () } AS nodes, COUNT { ()-->() } AS edges
