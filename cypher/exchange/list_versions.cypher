// All versions of units, oldest first, with the activity that made each and what it was made from.
CYPHER 5
UNWIND $ids AS id
MATCH (v:Version)
WHERE v.unit_id = id AND v.seq > 0
RETURN id, v {.*, vector: null} AS version, [(v)-[:WAS_GENERATED_BY]->(activity:Activity) | activity.id][0] AS activity,
  [(v)-[:WAS_DERIVED_FROM]->(source:Version) | {source: source.unit_id, source_seq: source.seq}] AS sources
ORDER BY id, v.seq
