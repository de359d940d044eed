// Every payload that a version names, past versions included.
CYPHER 5
MATCH (version:Version)
WHERE version.payload IS NOT NULL
RETURN DISTINCT version.payload AS payload
