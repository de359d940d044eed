// Every payload that a version names, with one of the units it is of.
CYPHER 5
MATCH (version:Version)
WHERE version.payload IS NOT NULL
RETURN version.payload AS sha256, min(version.unit_id) AS unit
ORDER BY sha256
