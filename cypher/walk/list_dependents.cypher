// The notes and summaries that were made from any version of these units, in any number of steps.
CYPHER 5
UNWIND $ids AS id
MATCH (source:Version {unit_id: id})
WHERE source.seq > 0 AND EXISTS { (source)<-[:WAS_DERIVED_FROM]-() }
MATCH (source)<-[:WAS_DERIVED_FROM*1..]-(made:Version)
WHERE made.kind IN $kinds
RETURN DISTINCT made.unit_id AS id
