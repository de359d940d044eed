// How many units and versions there are, and how many of the units are of an import that was not finished.
CYPHER 5
RETURN COUNT { (:Unit) } AS units, COUNT { (:Version) } AS versions,
  COUNT { MATCH (u:Unit) WHERE u.policy_class STARTS WITH 'import:' } AS staged
