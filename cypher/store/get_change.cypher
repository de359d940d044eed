// The hash of the change of a number (null if there is none), and whether one of some operations came after it.
CYPHER 5
OPTIONAL MATCH (change:Change {seq: $seq})
RETURN change.hash AS hash,
  EXISTS { MATCH (later:Change) WHERE later.seq > $seq AND later.operation IN $operations } AS is_followed
