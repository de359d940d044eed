// Identity, provenance, policy and change sequence; indexes for people who explore with Cypher.
// Never a range index on content: it keeps the string after the node is gone.
CYPHER 5 CREATE CONSTRAINT store_id IF NOT EXISTS FOR (n:Store) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT migration_version IF NOT EXISTS FOR (n:Migration) REQUIRE n.version IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT counter_id IF NOT EXISTS FOR (n:Counter) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT change_seq IF NOT EXISTS FOR (n:Change) REQUIRE n.seq IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT unit_id IF NOT EXISTS FOR (n:Unit) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT version_key IF NOT EXISTS FOR (n:Version) REQUIRE (n.unit_id, n.seq) IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT activity_id IF NOT EXISTS FOR (n:Activity) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT agent_id IF NOT EXISTS FOR (n:Agent) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT space_id IF NOT EXISTS FOR (n:Space) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT principal_id IF NOT EXISTS FOR (n:Principal) REQUIRE n.id IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT right_key IF NOT EXISTS FOR (n:Right) REQUIRE n.key IS UNIQUE;
CYPHER 5 CREATE CONSTRAINT policy_class_key IF NOT EXISTS FOR (n:PolicyClass) REQUIRE n.key IS UNIQUE;
CYPHER 5 CREATE INDEX unit_space IF NOT EXISTS FOR (n:Unit) ON (n.space);
CYPHER 5 CREATE INDEX unit_policy_class IF NOT EXISTS FOR (n:Unit) ON (n.policy_class);
CYPHER 5 CREATE INDEX version_time IF NOT EXISTS FOR (n:Version) ON (n.unit_id, n.tx_from);
CYPHER 5 CREATE VECTOR INDEX passage_vector IF NOT EXISTS FOR (n:Passage) ON (n.vector) OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}};
CYPHER 5 CREATE VECTOR INDEX entity_vector IF NOT EXISTS FOR (n:Entity) ON (n.vector) OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}};
CYPHER 5 CREATE VECTOR INDEX fact_vector IF NOT EXISTS FOR (n:Fact) ON (n.vector) OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}};
CYPHER 5 CREATE FULLTEXT INDEX unit_text IF NOT EXISTS FOR (n:Document|Passage|Entity|Fact|Message) ON EACH [n.name, n.text];
