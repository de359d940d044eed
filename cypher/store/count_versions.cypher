// How many units and versions there are.
CYPHER 5
RETURN COUNT { (:Unit) } AS units, COUNT { (:Version) } AS versions
