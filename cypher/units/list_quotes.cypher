// Messages that quote a text: they contain a long one, or are a short one.
CYPHER 5
MATCH (message:Message)
MATCH (said:Version {unit_id: message.id})
WHERE said.text IN $equal OR any(text IN $contained WHERE said.text CONTAINS text)
RETURN DISTINCT message.id AS id ORDER BY id
