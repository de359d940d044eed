// Versions whole and found by time, rights on single units, an audit chain over the change sequence.
CYPHER 5 CREATE CONSTRAINT erasure_payload IF NOT EXISTS FOR (n:Erasure) REQUIRE n.payload IS UNIQUE;
CYPHER 5 CREATE INDEX version_span IF NOT EXISTS FOR (n:Version) ON (n.tx_to, n.tx_from);
CYPHER 5 CREATE INDEX unit_page IF NOT EXISTS FOR (n:Unit) ON (n.policy_class, n.id);
CYPHER 5 CREATE INDEX version_payload IF NOT EXISTS FOR (n:Version) ON (n.payload);
CYPHER 5 CREATE VECTOR INDEX note_vector IF NOT EXISTS FOR (n:Note) ON (n.vector) OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}};
CYPHER 5 CREATE VECTOR INDEX summary_vector IF NOT EXISTS FOR (n:Summary) ON (n.vector) OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}};
CYPHER 5 DROP INDEX unit_text IF EXISTS;
CYPHER 5 CREATE FULLTEXT INDEX unit_text IF NOT EXISTS FOR (n:Document|Passage|Entity|Fact|Message|Note|Summary) ON EACH [n.name, n.text];
CYPHER 5 MATCH (right:Right) MATCH (store:Store) MERGE (right)-[:ON]->(store);
CYPHER 5 MATCH (u:Unit) WHERE u.space IS NOT NULL AND u.right IS NULL
CALL (u) { SET u.right = 'space:' + u.space } IN TRANSACTIONS OF 10000 ROWS;
CYPHER 5 MATCH (v:Version) WHERE v.kind IS NULL
CALL (v) {
  MATCH (u:Unit {id: v.unit_id})
  SET v.kind = [label IN labels(u) WHERE label <> 'Unit'][0]
} IN TRANSACTIONS OF 10000 ROWS;
CYPHER 5 MATCH (u:Unit {state: 'live'})-[:HEAD]->(v:Version) WHERE v.kind IN ['Document', 'Passage', 'Fact', 'Message']
CALL (u, v) {
  SET v.uri = u.uri, v.format = u.format, v.ordinal = u.ordinal, v.start = u.start, v.end = u.end, v.subject = u.subject,
    v.predicate = u.predicate, v.object = u.object, v.role = u.role
} IN TRANSACTIONS OF 10000 ROWS;
CYPHER 5 MATCH (counter:Counter {id: 0}) WHERE counter.hash IS NULL SET counter.hash = '', counter.audited_from = counter.seq + 1;
