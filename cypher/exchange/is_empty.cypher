// Whether the store holds no unit at all, those of one unfinished import aside.
CYPHER 5
RETURN NOT EXISTS {
  MATCH (u:Unit)
  WHERE u.policy_class IS NULL OR u.policy_class <> $stage } AS empty
