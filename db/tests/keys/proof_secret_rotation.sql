-- Proves: rotating the secret of the proofs interrupts nobody, however often, and leaves no old secret behind: one that was
-- replaced checks for thirty seconds and then proves nothing; what is entered afterwards is proven with the new one, of which
-- there is one at a time.

BEGIN;
SELECT plan(39);

-- What was rotated here before is none of this.
DELETE FROM audit.proof_secrets WHERE replaced_at IS NOT NULL;
SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, max(id) AS first, max(id) + 1 AS second, max(id) + 2 AS third
FROM audit.proof_secrets \gset
\ir ../support/registrar.sql
CREATE FUNCTION pg_temp.secret_in_use() RETURNS bigint LANGUAGE sql AS $$
    SELECT split_part(current_setting('app.proof'), ':', 1)::bigint
$$;
CREATE FUNCTION pg_temp.listed(p_proof text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.proof', coalesce(p_proof, current_setting('app.proof')), true);
    RETURN audit.list_audit_logs()::json ->> 'count';
EXCEPTION WHEN SQLSTATE 'RF001' THEN
    RETURN SQLERRM;
END
$$;
\set none 'no tenant is proven for this statement'
CREATE TEMPORARY TABLE secret AS SELECT id, inner_key, outer_key FROM audit.proof_secrets;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key is shown before the rotation');
SELECT is(pg_temp.secret_in_use(), :'first'::bigint, 'the proof names the secret that it was made with');
SELECT current_setting('app.proof') AS first_proof \gset
SELECT is(pg_temp.listed(), '1', 'and holds');
SELECT throws_ok('SELECT audit.rotate_proof_secret()', '42501', 'permission denied for function rotate_proof_secret',
    'the service rotates no secret');

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.rotate_proof_secret(), :'second'::bigint, 'an administrator does, and gets the number of the new one');
SELECT throws_ok('SELECT FROM audit.proof_secrets', '42501', 'permission denied for table proof_secrets', 'and does not see it');
-- Two rotations at once would each count on the other's secret being in use; those who prove read on.
SELECT results_eq(
    $$SELECT l.mode FROM pg_locks AS l
      WHERE l.pid = pg_backend_pid() AND l.relation = to_regclass('audit.proof_secrets')
        AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')$$,
    ARRAY['ShareRowExclusiveLock'], 'another rotation would wait for the end of this one, no proof does');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.listed(), '1', 'the proof made before holds');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, 'for writing too');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'the key opens its tenant as before');
SELECT is(pg_temp.secret_in_use(), :'second'::bigint, 'with a proof of the new secret');
SELECT current_setting('app.proof') AS second_proof \gset
SELECT is(pg_temp.listed(), '2', 'which holds');
SELECT is(pg_temp.listed(overlay(:'second_proof' PLACING :'first' FROM 1 FOR length(:'second'))), :'none',
    'under the number of the old one it does not');
SELECT is(pg_temp.listed(overlay(:'first_proof' PLACING :'second' FROM 1 FOR length(:'first'))), :'none',
    'nor the old one under the number of the new');
SELECT is(pg_temp.listed(:'first_proof'), '2', 'the proof made before still does');

RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT id, replaced_at IS NULL FROM audit.proof_secrets ORDER BY id',
    format('VALUES (%s::bigint, false), (%s, true)', :'first', :'second'), 'two secrets are kept, of which one is in use');
SELECT ok(replaced_at > now() AND replaced_at <= clock_timestamp(), 'the other was replaced by the clock of this moment')
FROM audit.proof_secrets WHERE id = :'first';
SELECT is_empty(
    $$SELECT n.id FROM audit.proof_secrets AS n JOIN secret AS o
      ON o.id <> n.id AND ARRAY[o.inner_key, o.outer_key] && ARRAY[n.inner_key, n.outer_key]$$,
    'the new one has nothing of the old');
SELECT results_eq(
    $$SELECT id, inner_key <> outer_key, octet_length(inner_key), octet_length(outer_key) FROM audit.proof_secrets ORDER BY id$$,
    format('VALUES (%s::bigint, true, 64, 64), (%s, true, 64, 64)', :'first', :'second'),
    'and two different keys of a whole block each');
-- Two in use at once would leave it to chance with which a proof is made.
SELECT throws_ok(format('UPDATE audit.proof_secrets SET replaced_at = NULL WHERE id = %s', :'first'), '23505', NULL,
    'a second secret in use is refused');

-- Another rotation, at once.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.rotate_proof_secret(), :'third'::bigint, 'a second rotation');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT current_setting('app.proof') AS third_proof \gset
SELECT is(pg_temp.secret_in_use(), :'third'::bigint, 'a key is proven with the newest secret');
SELECT is(pg_temp.listed(), '2', 'which holds');
SELECT is(pg_temp.listed(:'second_proof'), '2', 'the proof of the one before holds as well');
SELECT is(pg_temp.listed(:'first_proof'), '2', 'and that of the one before both');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, 'for writing too');

-- Thirty seconds. A proof ends after five by itself, so it is the time of the secret that is moved here.
RESET SESSION AUTHORIZATION;
UPDATE audit.proof_secrets SET replaced_at = clock_timestamp() - interval '28 seconds' WHERE id = :'first';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.listed(:'first_proof'), '3', 'a secret that was replaced 28 seconds ago still checks');
RESET SESSION AUTHORIZATION;
UPDATE audit.proof_secrets SET replaced_at = clock_timestamp() - interval '30 seconds' WHERE id = :'first';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.listed(:'first_proof'), :'none', 'one that was replaced 30 seconds ago does not');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, '42501',
    'new row violates row-level security policy for table "audit_logs"', 'for writing neither');
SELECT is(pg_temp.listed(:'second_proof'), '3', 'which is no matter to the others');

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.rotate_proof_secret(), :'third'::bigint + 1, 'a third rotation');
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT id, replaced_at IS NULL FROM audit.proof_secrets ORDER BY id',
    format('VALUES (%s::bigint, false), (%s, false), (%s, true)', :'second', :'third', :'third'::bigint + 1),
    'takes the secret away that checks no more, and none that does');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.listed(:'first_proof'), :'none', 'whose proof proves nothing');
SELECT is(pg_temp.listed(:'second_proof'), '3', 'the next one does');
SELECT is(pg_temp.listed(:'third_proof'), '3', 'and the next');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'and the key opens its tenant as before');
SELECT is(pg_temp.listed(), '3', 'with a proof that holds');

RESET SESSION AUTHORIZATION;
SELECT ok(count(*) = 1 AND bool_and(created_at BETWEEN now() AND clock_timestamp()), 'what is in use was made just now')
FROM audit.proof_secrets WHERE replaced_at IS NULL;
SELECT results_eq(
    $$SELECT act, tenant_id, api_key_id, actor, count(*) FROM audit.admin_events
      WHERE act = 'proof secret rotated' AND actor = 'tap_registrar' GROUP BY 1, 2, 3, 4$$,
    $$VALUES ('proof secret rotated', NULL::text, NULL::text, 'tap_registrar', 3::bigint)$$,
    'all rotations are on record, of no tenant');

SELECT * FROM finish();
ROLLBACK;
