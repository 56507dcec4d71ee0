-- Proves: the signer's functions list the heads of all tenants, prove consistency and the statement of an epoch, and store a checkpoint that
-- is the tree's, once; they refuse any other root, size, epoch and note; audit_signer reads no table and nothing else, and leaves no proof
-- of a tenant behind; and nobody else may call them or write a checkpoint.

BEGIN;
SELECT plan(71);

\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/signer.sql
\ir ../support/trees.sql
\ir ../support/answer.sql
\ir ../support/logged.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c'),
       audit.create_tenant('tap-empty') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
-- Of tap-a a closed epoch whose last head is signed, one whose last head is not, and the newest; of tap-b one, never signed; of tap-c one, signed to
-- its end.
SELECT pg_temp.grow('tap-a', 1, 3), pg_temp.sign('tap-a', 1), pg_temp.grow('tap-a', 2, 4), pg_temp.sign('tap-a', 2, 2), pg_temp.grow('tap-a', 3, 6),
       pg_temp.grow('tap-b', 1, 2), pg_temp.grow('tap-c', 1, 1), pg_temp.sign('tap-c', 1), pg_temp.grow('tap-empty', 1, 0) \gset
UPDATE audit.seals SET line = 'statement' WHERE tenant_id = 'tap-a' AND epoch = 3 AND leaf_index = 0;
SELECT root AS root_a2 FROM audit.trees WHERE tenant_id = 'tap-a' AND epoch = 2 \gset
SELECT root AS root_a3 FROM audit.trees WHERE tenant_id = 'tap-a' AND epoch = 3 \gset
SELECT root AS root_b FROM audit.trees WHERE tenant_id = 'tap-b' \gset
SELECT root AS root_c FROM audit.trees WHERE tenant_id = 'tap-c' \gset
SELECT audit.root_of_size('tap-a', 3, 5) AS root_5 \gset
SELECT (pg_temp.leaf_hashes('tap-a', 3, 6))[5] AS hash_4, (pg_temp.leaf_hashes('tap-a', 3, 6))[6] AS hash_5,
       pg_temp.mth(pg_temp.leaf_hashes('tap-a', 3, 4)) AS hash_0123 \gset
CREATE TEMPORARY TABLE refused (number int GENERATED ALWAYS AS IDENTITY, call text, answer text);
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_signer, tap_gateway, tap_registrar, audit_app', pg_my_temp_schema()::regnamespace); END $$;
GRANT SELECT ON refused TO tap_signer, tap_gateway, tap_registrar, audit_app;
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
    SELECT concat(current_setting('app.tenant_id', true), current_setting('app.scopes', true), current_setting('app.proof', true),
                  current_setting('app.scope', true))
$$;

SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT results_eq(
    $$SELECT h.tenant_id, h.epoch, h.size, h.root, h.checkpoint_size FROM audit.list_tree_heads() AS h WHERE h.tenant_id LIKE 'tap-%'$$,
    format($$VALUES ('tap-a', 2, 4::bigint, %L::bytea, 2::bigint), ('tap-a', 3, 6, %L, NULL), ('tap-b', 1, 2, %L, NULL), ('tap-c', 1, 1, %L, 1)$$,
        :'root_a2', :'root_a3', :'root_b', :'root_c'),
    'heads are those of the newest epochs, and of closed ones that are not signed to their end; of no tree that is empty');
SELECT is(pg_temp.settings(), '', 'and nothing is left behind');

SELECT is(audit.signer_consistency_proof('tap-a', 3, 5, 6), ARRAY[:'hash_4', :'hash_5', :'hash_0123']::bytea[], 'a consistency proof');
SELECT is(pg_temp.settings(), '', 'leaves nothing behind');
SELECT is(audit.signer_consistency_proof('tap-a', 3, 6, 6), '{}'::bytea[], 'from a head to itself it is empty');

SELECT results_eq($$SELECT s.line FROM audit.signer_epoch_statement('tap-a', 3) AS s$$, $$VALUES ('statement')$$, 'the statement of an epoch');
SELECT is(pg_temp.settings(), '', 'leaves nothing behind');

-- A checkpoint, and the same again.
SELECT lives_ok(format($$SELECT audit.store_checkpoint('tap-a', 3, 5, %L, %L)$$, :'root_5', pg_temp.note('tap-a', 3, 5, :'root_5')),
    'a checkpoint of a size that the tree has had is stored');
SELECT is(pg_temp.settings(), '', 'and nothing is left behind');
SELECT lives_ok(format($$SELECT audit.store_checkpoint('tap-a', 3, 5, %L, %L)$$, :'root_5', pg_temp.note('tap-a', 3, 5, :'root_5') || 'again'),
    'it may be stored again');
SELECT is((SELECT h.checkpoint_size FROM audit.list_tree_heads() AS h WHERE h.tenant_id = 'tap-a' AND h.epoch = 3), 5::bigint, 'it is the newest of its epoch');
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT c.root, c.note FROM audit.checkpoints AS c WHERE c.tenant_id = 'tap-a' AND c.epoch = 3$$,
    format($$VALUES (%L::bytea, %L)$$, :'root_5', pg_temp.note('tap-a', 3, 5, :'root_5')), 'and the first note stays');
SELECT is((SELECT c.created_at > now() AND c.created_at <= clock_timestamp() FROM audit.checkpoints AS c WHERE c.tenant_id = 'tap-a' AND c.epoch = 3), true,
    'with the time of the clock');

-- A commit that waits for the disk.
SET LOCAL synchronous_commit = off;
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT audit.store_checkpoint('tap-b', 1, 2, :'root_b', pg_temp.note('tap-b', 1, 2, :'root_b')) \gset
SELECT is(current_setting('synchronous_commit'), 'on', 'it is on the disk when its transaction has committed');
SELECT is(pg_temp.logged(format('SELECT audit.store_checkpoint(%L, 1, 2, %L, %L)', 'tap-b', :'root_b', pg_temp.note('tap-b', 1, 2, :'root_b'))), 1,
    'also when it is stored again: that COMMIT waits for the standby too');
RESET SESSION AUTHORIZATION;

-- What is refused.
INSERT INTO refused (call, answer) VALUES
    ('audit.signer_consistency_proof(''nobody'', 1, 1, 2)', 'RF002|the tenant is not registered'),
    ('audit.signer_consistency_proof(NULL, 1, 1, 2)', 'RF002|the tenant is not registered'),
    ('audit.signer_consistency_proof(''tap-a'', 4, 1, 2)', 'RF003|there is no such epoch|epoch'),
    ('audit.signer_consistency_proof(''tap-a'', NULL, 1, 2)', 'RF003|there is no such epoch|epoch'),
    ('audit.signer_consistency_proof(''tap-a'', 3, 0, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.signer_consistency_proof(''tap-a'', 3, 3, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.signer_consistency_proof(''tap-a'', 3, NULL, 2)', 'RF003|from is a size from 1 to that of to|from'),
    ('audit.signer_consistency_proof(''tap-a'', 3, 1, 7)', 'RF003|to is a size from 1 to that of the tree|to'),
    ('audit.signer_consistency_proof(''tap-a'', 3, 1, NULL)', 'RF003|to is a size from 1 to that of the tree|to'),
    ('audit.signer_epoch_statement(''tap-a'', 1)', 'RF003|the first epoch has no statement|epoch'),
    ('audit.signer_epoch_statement(''tap-a'', 4)', 'RF003|there is no such epoch|epoch'),
    ('audit.signer_epoch_statement(''nobody'', 2)', 'RF002|the tenant is not registered');
INSERT INTO refused (call, answer)
SELECT format('audit.store_checkpoint(%L, %L, %L, %L, %L)', tenant_id, epoch, size, root, note), answer
FROM (VALUES ('nobody', 1, 2::bigint, :'root_b'::bytea, 'RF002|the tenant is not registered'),
             ('tap-b', 2, 2, :'root_b', 'RF003|there is no such epoch|epoch'),
             ('tap-b', 1, 3, :'root_b', 'RF003|size is a number from 1 to the size of the tree|size'),
             ('tap-b', 1, 0, sha256(''), 'RF003|size is a number from 1 to the size of the tree|size'),
             ('tap-b', 1, 1, :'root_b', 'RF009|the tree contradicts itself'),
             ('tap-b', 1, 2, sha256('other'), 'RF009|the tree contradicts itself'),
             ('tap-a', 1, 2, :'root_b', 'RF009|the tree contradicts itself')) AS c (tenant_id, epoch, size, root, answer)
CROSS JOIN LATERAL (SELECT pg_temp.note(tenant_id, epoch, size, root)) AS n (note);
INSERT INTO refused (call, answer)
SELECT format('audit.store_checkpoint(%s, %L)', tree, note), 'RF003|the note is not of this tenant, epoch, size and root|note'
FROM (VALUES (format('''tap-b'', 1, 2, %L', :'root_b'))) AS t (tree)
CROSS JOIN (VALUES (NULL), (''), ('tap.example/tap-b'),
    (pg_temp.note('tap-a', 1, 2, :'root_b')), (pg_temp.note('tap-b', 2, 2, :'root_b')), (pg_temp.note('tap-b', 1, 1, :'root_b')),
    (pg_temp.note('tap-b', 1, 2, sha256('other'))), (replace(pg_temp.note('tap-b', 1, 2, :'root_b'), E'\n\n', E'\nmore\n\n')),
    (substring(pg_temp.note('tap-b', 1, 2, :'root_b') FROM '^.*?=\n')), (replace(pg_temp.note('tap-b', 1, 2, :'root_b'), 'tap.example/', ''))) AS n (note)
UNION ALL
SELECT format('audit.store_checkpoint(''tap-a'', 3, 6, %L, %L)', :'root_a3', pg_temp.note('tap-a', 1, 6, :'root_a3')),
       'RF003|the note is not of this tenant, epoch, size and root|note';
INSERT INTO refused (call, answer) VALUES
    (format('audit.store_checkpoint(''tap-b'', 1, NULL, %L, %L)', :'root_b', pg_temp.note('tap-b', 1, 2, :'root_b')),
     'RF003|size is a number from 1 to the size of the tree|size'),
    (format('audit.store_checkpoint(''tap-b'', 1, 2, NULL, %L)', pg_temp.note('tap-b', 1, 2, :'root_b')), 'RF009|the tree contradicts itself');
SELECT count(*) AS checkpoints FROM audit.checkpoints \gset
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(pg_temp.answer(call), answer, 'refused: ' || translate(left(call, 200), E'\n', ' ')) FROM refused ORDER BY number;
SELECT is(pg_temp.settings(), '', 'and nothing is left behind');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.checkpoints), :checkpoints::bigint, 'and nothing was stored');
-- A tree that lacks what it should have.
UPDATE audit.seals SET record_id = gen_random_uuid(), salt = sha256(''), line = NULL WHERE tenant_id = 'tap-a' AND epoch = 3 AND leaf_index = 0;
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(pg_temp.answer('audit.signer_epoch_statement(''tap-a'', 3)'), 'RF009|the tree contradicts itself', 'an epoch that begins with a record');
RESET SESSION AUTHORIZATION;
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND epoch = 3 AND leaf_index = 0;
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(pg_temp.answer('audit.signer_epoch_statement(''tap-a'', 3)'), 'RF009|the tree contradicts itself', 'and one that begins with nothing');

-- The signer sees no table, and has no proof of a tenant that would open one.
SELECT is(pg_temp.answer(format('count(*) FROM audit.%I', t)), '42501|permission denied for table ' || t, 'the signer does not read ' || t)
FROM unnest(ARRAY['audit_logs', 'trees', 'seals', 'seal_nodes', 'checkpoints', 'tenants', 'admin_events']) AS t;
SELECT is(left(pg_temp.answer('audit.list_audit_logs()'), 5), '42501', 'nor lists records');
RESET SESSION AUTHORIZATION;

-- Nobody else. As the service, with all that a key gives.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT isnt(audit.get_checkpoint(), NULL, 'a key reads checkpoints');
SELECT is(left(pg_temp.answer(call), 5), '42501', 'and does not sign: ' || left(call, 60))
FROM (VALUES ('audit.list_tree_heads()'), ('audit.signer_consistency_proof(''tap-a'', 1, 1, 1)'), ('audit.signer_epoch_statement(''tap-a'', 3)'),
             ('audit.store_checkpoint(''tap-a'', 1, 1, '''', '''')'), ('audit.enter_tenant_to_sign(''tap-b'')'), ('audit.leave_tenant()'),
             ('audit.enter_tree_to_sign(''tap-b'', 1)')) AS c (call);
SELECT throws_ok($$INSERT INTO audit.checkpoints VALUES ('tap-a', 1, 1, sha256(''), 'forged', now())$$, '42501', NULL, 'nor writes a checkpoint');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(left(pg_temp.answer('audit.list_tree_heads()'), 5), '42501', 'a gateway does not sign');
SELECT throws_ok($$INSERT INTO audit.checkpoints VALUES ('tap-a', 1, 1, sha256(''), 'forged', now())$$, '42501', NULL, 'nor writes a checkpoint');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(left(pg_temp.answer('audit.list_tree_heads()'), 5), '42501', 'an administrator does not sign');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
