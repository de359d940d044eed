// Messages that quote a text: they contain a long one, or are a short one.
CYPHER 5
MATCH (message:Message)
MATCH (said:Version)
WHERE said.unit_id = message.id AND said.seq > 0 AND (said.text IN $equal OR any(text IN $contained WHERE said.text CONTAINS text))
RETURN DISTINCT message.id AS id ORDER BY id
