// Of these units, those of a local-only space, and those that any version of such a unit went into.
CYPHER 5
UNWIND $ids AS id
MATCH (u:Unit {id: id})
WHERE EXISTS { MATCH (u)-[:IN_SPACE]->(:Space {local_only: true}) }
  OR EXISTS {
    MATCH (u)-[:HEAD]->(:Version)-[:WAS_DERIVED_FROM*1..]->(source:Version)
    MATCH (:Unit {id: source.unit_id})-[:IN_SPACE]->(:Space {local_only: true}) }
RETURN u.id AS id
