// Remember which rights of their sources units let go of; null for units that are not published.
CYPHER 5
UNWIND $rows AS row
MATCH (u:Unit {id: row.id})
SET u.published = row.published
RETURN count(*) AS count
