// What passages say, by its hash: what was read out of one can be taken over by another of the same space.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
SET u.said = row.said
RETURN count(*) AS count
