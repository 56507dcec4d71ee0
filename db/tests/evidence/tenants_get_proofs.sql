-- Proves: a tenant gets the checkpoints, leaves, inclusion proofs and consistency proofs of its own tree, by name and by key, to the byte;
-- what is not sealed or not signed yet is refused as such; sizes and epochs that do not exist are refused; another tenant's ids are answered
-- like unknown ones; and a tree that does not lead to the signed root gives no proof.

BEGIN;
SELECT plan(147);

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/trees.sql
\ir ../support/sealed.sql
\ir ../support/answer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-new') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS writing_key,
       audit.issue_api_key('tap-new', 'tap') AS key_of_new \gset
\set id_1 '''01900000-0000-7000-8000-000000000001'''
\set id_2 '''01900000-0000-7000-8000-000000000002'''
\set id_3 '''01900000-0000-7000-8000-000000000003'''
\set id_4 '''01900000-0000-7000-8000-000000000004'''
\set id_of_b '''01900000-0000-7000-8000-00000000000b'''
\set unknown_id '''01900000-0000-7000-8000-0000000000ff'''

-- Three records sealed, a checkpoint of two of them and one of all; another tenant has one of each; one record is not sealed.
SELECT pg_temp.record('tap-a', :id_1), pg_temp.record('tap-a', :id_2, '2026-01-01 00:00:00.000001+00'),
       pg_temp.record('tap-a', :id_3, '2026-01-01 00:00:01+00'), pg_temp.record('tap-b', :id_of_b) \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-a', 1, 2) AS note_2, pg_temp.sign('tap-a') AS note_3, pg_temp.sign('tap-b') AS note_of_b \gset
SELECT pg_temp.record('tap-a', :id_4) \gset
SELECT leaf_hash AS hash_1 FROM audit.seals WHERE record_id = :id_1 \gset
SELECT leaf_hash AS hash_2, concat('{"salt":"', encode(salt, 'hex'),
    '","user_id":"jane \"J\" doe","error":"line\nbreak","context":"{\"event\": \"é\"}"}') AS private_2
FROM audit.seals WHERE record_id = :id_2 \gset
SELECT leaf_hash AS hash_3 FROM audit.seals WHERE record_id = :id_3 \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;


-- What is asked, and what is answered.
CREATE TEMPORARY TABLE call (number int GENERATED ALWAYS AS IDENTITY, call text, answer text);
GRANT SELECT ON call TO tap_gateway, audit_app;
INSERT INTO call (call, answer) VALUES
    ('audit.get_checkpoint()', :'note_3'),
    ('audit.get_checkpoint(1)', :'note_3'),
    ('audit.get_checkpoint(NULL, 3)', :'note_3'),
    ('audit.get_checkpoint(1, 2)', :'note_2'),
    ('audit.get_checkpoint(1, 1)', 'RF003|no checkpoint has this size|size'),
    ('audit.get_checkpoint(2)', 'RF003|there is no such epoch|epoch'),
    ('audit.get_checkpoint(0)', 'RF003|there is no such epoch|epoch'),

    -- c2sp.org/tlog-proof
    (format('audit.get_inclusion_proof(%L)', :id_1), concat(E'c2sp.org/tlog-proof@v1\nindex 0\n', encode(:'hash_2', 'base64'), E'\n',
        encode(:'hash_3', 'base64'), E'\n\n', :'note_3')),
    (format('audit.get_inclusion_proof(%L)', :id_3), concat(E'c2sp.org/tlog-proof@v1\nindex 2\n',
        encode(pg_temp.mth(ARRAY[:'hash_1', :'hash_2']::bytea[]), 'base64'), E'\n\n', :'note_3')),
    (format('audit.get_inclusion_proof(%L, 2)', :id_2), concat(E'c2sp.org/tlog-proof@v1\nindex 1\n', encode(:'hash_1', 'base64'), E'\n\n', :'note_2')),
    (format('audit.get_inclusion_proof(%L, 1)', :id_1), 'RF003|no checkpoint has this size|size'),
    (format('audit.get_inclusion_proof(%L, 4)', :id_1), 'RF003|no checkpoint has this size|size'),
    (format('audit.get_inclusion_proof(%L, 2)', :id_3), 'RF003|the checkpoint of this size is older than the record''s leaf|size'),
    (format('audit.get_inclusion_proof(%L)', :id_4), 'RF010|not sealed yet'),
    (format('audit.get_inclusion_proof(%L)', :unknown_id), 'NULL'),
    (format('audit.get_inclusion_proof(%L)', :id_of_b), 'NULL'),
    ('audit.get_inclusion_proof(NULL)', 'NULL'),

    -- The format of leaves, once in full.
    (format('audit.get_leaf(%L)', :id_2), concat(
        '{"version":1,"kind":"record","tenant_id":"tap-a","id":"', :id_2, '","trace_id":"trace","agent_id":"agent","mode":"LIVE","status":"error",',
        '"http_status":500,"latency_ms":12,"created_at":"2026-01-01T00:00:00.000001Z","recorded_at":"2026-01-02T03:04:05.000006Z",',
        '"api_key_id":"0123456789abcdef","private_sha256":"', encode(sha256(convert_to(:'private_2', 'UTF8')), 'hex'), E'"}\n', :'private_2', E'\n')),
    (format('audit.get_leaf(%L)', :id_4), 'RF010|not sealed yet'),
    (format('audit.get_leaf(%L)', :unknown_id), 'NULL'),
    (format('audit.get_leaf(%L)', :id_of_b), 'NULL'),
    ('audit.get_leaf(NULL)', 'NULL'),

    ('audit.get_consistency_proof(2, 3)', concat(
        '{"tenant_id":"tap-a","epoch":1,"from":2,"to":3,"from_root":"', encode(pg_temp.mth(ARRAY[:'hash_1', :'hash_2']::bytea[]), 'base64'),
        '","to_root":"', encode(pg_temp.mth(ARRAY[:'hash_1', :'hash_2', :'hash_3']::bytea[]), 'base64'),
        '","hashes":["', encode(:'hash_3', 'base64'), '"]}')),
    ('audit.get_consistency_proof(1, 1, 1)', concat(
        '{"tenant_id":"tap-a","epoch":1,"from":1,"to":1,"from_root":"', encode(:'hash_1', 'base64'), '","to_root":"', encode(:'hash_1', 'base64'),
        '","hashes":[]}')),
    ('audit.get_consistency_proof(3, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.get_consistency_proof(0, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.get_consistency_proof(NULL, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.get_consistency_proof(1, 4)', 'RF003|to is a size from 1 to that of the tree|to'),
    ('audit.get_consistency_proof(0, 0)', 'RF003|to is a size from 1 to that of the tree|to'),
    ('audit.get_consistency_proof(1, NULL)', 'RF003|to is a size from 1 to that of the tree|to'),
    ('audit.get_consistency_proof(1, 1, 2)', 'RF003|there is no such epoch|epoch');

CREATE TEMPORARY TABLE unsealed (call text, answer text);
GRANT SELECT ON unsealed TO tap_gateway, audit_app;
INSERT INTO unsealed VALUES
    ('audit.get_checkpoint()', 'RF010|not sealed yet'),
    ('audit.get_checkpoint(1)', 'RF010|not sealed yet'),
    ('audit.get_checkpoint(2)', 'RF003|there is no such epoch|epoch'),
    ('audit.get_consistency_proof(1, 1)', 'RF010|not sealed yet'),
    (format('audit.get_leaf(%L)', :id_1), 'NULL'),
    (format('audit.get_inclusion_proof(%L)', :id_1), 'NULL');

-- As a gateway that names its tenant.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer(call), answer, 'by name: ' || call) FROM call ORDER BY number;
SELECT audit.set_tenant('tap-new') \gset
SELECT is(pg_temp.answer(call), answer, 'of a tenant without records, by name: ' || call) FROM unsealed ORDER BY call;
SELECT set_config('app.tenant_id', 'nobody', true) \gset
SELECT is(pg_temp.answer(call), 'RF002|the tenant is not registered', 'of an unregistered tenant: ' || call)
FROM (VALUES ('audit.get_checkpoint()'), ('audit.get_checkpoint(2, 3)'), (format('audit.get_leaf(%L)', :id_1)),
             (format('audit.get_inclusion_proof(%L)', :id_1)), ('audit.get_consistency_proof(1, 1)')) AS c (call);
SELECT set_config('app.tenant_id', '', true) \gset
SELECT is(pg_temp.answer(call), 'RF001|no tenant is set for this transaction', 'without a tenant: ' || call)
FROM (VALUES ('audit.get_checkpoint()'), (format('audit.get_leaf(%L)', :id_1)), (format('audit.get_inclusion_proof(%L)', :id_1)),
             ('audit.get_consistency_proof(1, 1)')) AS c (call);

-- As the service with a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(pg_temp.answer(call), answer, 'with a key: ' || call) FROM call ORDER BY number;
SELECT audit.enter_tenant(:'key_of_new') \gset
SELECT is(pg_temp.answer(call), answer, 'of a tenant without records, with a key: ' || call) FROM unsealed ORDER BY call;
SELECT audit.enter_tenant(:'writing_key') \gset
SELECT is(pg_temp.answer(call), 'RF006|the API key has not the scope read', 'with a key that may only write: ' || call)
FROM call WHERE answer NOT LIKE 'RF%' ORDER BY number;
-- A name is no proof.
SELECT set_config('app.scopes', '', true), set_config('app.proof', '', true), set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is(pg_temp.answer(call), 'RF001|no tenant is proven for this statement', 'with a name alone: ' || call) FROM call ORDER BY number;
RESET SESSION AUTHORIZATION;

-- Signed, and not all that is sealed: the record of the last leaf waits.
SELECT pg_temp.seal() \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer(format('audit.get_inclusion_proof(%L)', :id_4)), 'RF010|not sealed yet', 'a leaf that no checkpoint covers has no proof yet');
SELECT isnt(audit.get_leaf(:id_4), NULL, 'but is shown');
RESET SESSION AUTHORIZATION;

-- Checkpoints are the newest of the newest epoch, and each epoch has its own sizes.
SELECT pg_temp.grow('tap-a', 2, 5), pg_temp.sign('tap-a', 2, 3) AS note_of_2, pg_temp.sign('tap-a', 2) AS newest_of_2 \gset
SELECT pg_temp.grow('tap-a', 3, 2) \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(audit.get_checkpoint(), :'newest_of_2', 'the newest checkpoint is that of the newest epoch that has one');
SELECT is(audit.get_checkpoint(p_size => 3), :'note_of_2', 'of those of one size too');
SELECT is(audit.get_checkpoint(1), :'note_3', 'an epoch has its own');
SELECT is(pg_temp.answer('audit.get_checkpoint(3)'), 'RF010|not sealed yet', 'and may have none yet');
SELECT is(pg_temp.answer('audit.get_checkpoint(2, 2)'), 'RF003|no checkpoint has this size|size', 'or none of a size that another epoch has');
SELECT matches(audit.get_inclusion_proof(:id_1), '\n' || E'tap\\.example/tap-a\n3\n', 'a record is proven in the tree of its own epoch');
SELECT is(audit.get_consistency_proof(1, 2)::json ->> 'epoch', '3', 'a consistency proof is of the newest epoch');
SELECT is(audit.get_consistency_proof(1, 2)::json ->> 'to_root', encode(pg_temp.mth(pg_temp.leaf_hashes('tap-a', 3, 2)), 'base64'), 'and of its leaves');
SELECT is(audit.get_consistency_proof(4, 5, 2)::json ->> 'epoch', '2', 'or of the one that is asked for');
RESET SESSION AUTHORIZATION;

-- What somebody has done who may do everything.
UPDATE audit.audit_logs SET agent_id = 'other' WHERE id = :id_1;
DELETE FROM audit.audit_logs WHERE id = :id_2;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT isnt(sha256('\x00'::bytea || convert_to(split_part(audit.get_leaf(:id_1), E'\n', 1), 'UTF8')), :'hash_1'::bytea,
    'a record that was changed has another hash than was sealed');
SELECT isnt(audit.get_inclusion_proof(:id_1), NULL, 'its proof is of what was sealed');
SELECT is(pg_temp.answer(format('audit.get_leaf(%L)', :id_2)), 'RF009|the tree contradicts itself', 'a record that was deleted is missed');
SELECT isnt(audit.get_inclusion_proof(:id_2), NULL, 'its proof is still given');
RESET SESSION AUTHORIZATION;
UPDATE audit.seals SET leaf_hash = sha256('other') WHERE record_id = :id_3;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.answer(format('audit.get_inclusion_proof(%L)', id)), 'RF009|the tree contradicts itself',
    'a tree that does not lead to the signed root gives no proof')
FROM (VALUES (:id_1), (:id_3)) AS r (id);

SELECT * FROM finish();
ROLLBACK;
