-- Proves: rotating the secret of the proofs interrupts nobody and leaves no old secret behind: a proof made before one rotation
-- holds, before two it does not, and what is entered afterwards is proven with the new secret.

BEGIN;
SELECT plan(25);

SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, max(id) AS first, max(id) + 1 AS second, max(id) + 2 AS third
FROM audit.proof_secrets \gset
CREATE ROLE tap_registrar LOGIN IN ROLE audit_admin;
SELECT nspname AS tap FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pgtap' \gset
GRANT USAGE ON SCHEMA :"tap" TO tap_registrar;
CREATE FUNCTION pg_temp.secret_in_use() RETURNS bigint LANGUAGE sql AS $$
    SELECT split_part(current_setting('app.proof'), ':', 1)::bigint
$$;
CREATE TEMPORARY TABLE secret AS SELECT id, inner_key, outer_key FROM audit.proof_secrets;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key is shown before the rotation');
SELECT is(pg_temp.secret_in_use(), :'first'::bigint, 'the proof names the secret that it was made with');
SELECT current_setting('app.proof') AS first_proof \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 1::bigint, 'and holds');
SELECT throws_ok('SELECT audit.rotate_proof_secret()', '42501', 'permission denied for function rotate_proof_secret',
    'the service rotates no secret');

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.rotate_proof_secret(), :'second'::bigint, 'an administrator does, and gets the number of the new one');
SELECT throws_ok('SELECT FROM audit.proof_secrets', '42501', 'permission denied for table proof_secrets', 'and does not see it');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is((SELECT count(*) FROM audit.audit_logs), 1::bigint, 'the proof made before holds');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, 'for writing too');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'the key opens its tenant as before');
SELECT is(pg_temp.secret_in_use(), :'second'::bigint, 'with a proof of the new secret');
SELECT current_setting('app.proof') AS second_proof \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 2::bigint, 'which holds');
SELECT set_config('app.proof', overlay(:'second_proof' PLACING :'first' FROM 1 FOR length(:'second')), true) \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'under the number of the old one it does not');
SELECT set_config('app.proof', :'first_proof', true) \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 2::bigint, 'the proof made before still does');

RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT id FROM audit.proof_secrets ORDER BY id', ARRAY[:'first'::bigint, :'second'::bigint],
    'two secrets are kept: the new one and the one before');
SELECT is_empty(
    $$SELECT n.id FROM audit.proof_secrets AS n JOIN secret AS o
      ON o.id <> n.id AND ARRAY[o.inner_key, o.outer_key] && ARRAY[n.inner_key, n.outer_key]$$,
    'the new one has nothing of the old');
SELECT results_eq(
    $$SELECT id, inner_key <> outer_key, octet_length(inner_key), octet_length(outer_key) FROM audit.proof_secrets ORDER BY id$$,
    format('VALUES (%s::bigint, true, 64, 64), (%s, true, 64, 64)', :'first', :'second'),
    'and two different keys of a whole block each');

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.rotate_proof_secret(), :'third'::bigint, 'a second rotation');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'ends the proof made before the first');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, '42501', NULL, 'for writing too');
SELECT set_config('app.proof', :'second_proof', true) \gset
SELECT is((SELECT count(*) FROM audit.audit_logs), 2::bigint, 'not the one made between the two');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'the key opens its tenant as before');
SELECT is(pg_temp.secret_in_use(), :'third'::bigint, 'with a proof of the newest secret');
SELECT is((SELECT count(*) FROM audit.audit_logs), 2::bigint, 'which holds');

RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT id FROM audit.proof_secrets ORDER BY id', ARRAY[:'second'::bigint, :'third'::bigint],
    'the first secret is gone');
SELECT results_eq(
    $$SELECT act, tenant_id, api_key_id, actor, count(*) FROM audit.admin_events
      WHERE act = 'proof secret rotated' GROUP BY 1, 2, 3, 4$$,
    $$VALUES ('proof secret rotated', NULL::text, NULL::text, 'tap_registrar', 2::bigint)$$,
    'both rotations are on record, of no tenant');

SELECT * FROM finish();
ROLLBACK;
