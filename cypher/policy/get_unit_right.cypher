// The space and own right of a unit, readable or not: for administrators of the store.
CYPHER 5
MATCH (u:Unit {id: $id})
RETURN u.space AS space, u.right AS right
