-- Proves: with a key of one tenant the service can neither read nor write another, whichever of the two it has proven and
-- whatever command it uses; nor can it with no key at all. Every refusal stands beside the same call allowed.

BEGIN;
SELECT plan(48);

-- Given two tenants with a key each.
SELECT audit.create_tenant('tap-a', 'Tenant A'), audit.create_tenant('tap-b', 'Tenant B') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
CREATE ROLE tap_loader LOGIN IN ROLE audit_keyed, pg_read_server_files;
SELECT nspname AS tap FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pgtap' \gset
GRANT USAGE ON SCHEMA :"tap" TO tap_loader;
PREPARE reading AS SELECT agent_id FROM audit.audit_logs;
PREPARE reading_one (text) AS SELECT agent_id FROM audit.audit_logs WHERE agent_id = $1;
PREPARE appending (text) AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), $1, 'prepared');
SET LOCAL plan_cache_mode = force_generic_plan;

-- Without a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is_empty('EXECUTE reading', 'no key: nothing is read');
SELECT is_empty('SELECT FROM audit.admin_events', 'no key: nor an administrative act');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', NULL, 'no key: nothing is appended');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'RF001', NULL,
    'no key: insert_audit_log says so');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', NULL, 'no key: list_audit_logs says so');
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF001', NULL, 'no key: list_admin_events says so');
SELECT throws_ok($$SELECT audit.set_tenant('tap-a')$$, '42501', 'permission denied for function set_tenant',
    'no key: a tenant cannot be named');
SELECT throws_ok('SELECT FROM audit.tenants', '42501', 'permission denied for table tenants', 'no key: the register is closed');

-- With the one and then the other; each appends, reads, and tries the other.
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'tap-a appends its own record');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a reads it');
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of tap-b');
SELECT is_empty('EXECUTE reading', 'tap-b reads nothing of tap-a');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-b', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'tap-b appends its own record');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-b'], 'tap-b reads its own record and no other');
SELECT is_empty($$EXECUTE reading_one ('agent-of-a')$$, 'tap-b finds nothing of tap-a');
SELECT results_eq($$EXECUTE reading_one ('agent-of-b')$$, ARRAY['agent-of-b'], 'tap-b finds itself');
SELECT is_empty(
    $$SELECT FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000a'$$, 'nor under an id of tap-a');
SELECT results_eq('SELECT DISTINCT tenant_id FROM audit.admin_events', ARRAY['tap-b'], 'tap-b reads what was done to it alone');
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the list of tap-b has its own record alone');
SELECT is(audit.list_audit_logs(p_agent_id => 'agent-of-a')::json ->> 'count', '0', 'also when it asks for the agent of tap-a');
SELECT lives_ok($$EXECUTE appending ('tap-b')$$, 'tap-b may insert under its own name');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', 'new row violates row-level security policy for table "audit_logs"',
    'tap-b cannot insert under the name of tap-a');
SELECT throws_ok(
    $$SELECT audit.insert_audit_log('agent-of-b', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'RF004', 'the id belongs to another record', 'an id of tap-a is refused to tap-b, in the words of one of its own');
SELECT throws_ok(
    $$SELECT audit.insert_audit_log('other', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'RF004', 'the id belongs to another record', 'which are these');

SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a again');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a reads its own record and no other');
SELECT is_empty($$EXECUTE reading_one ('agent-of-b')$$, 'tap-a finds nothing of tap-b');
SELECT is_empty(
    $$SELECT FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000b'$$, 'nor under an id of tap-b');
SELECT results_eq('SELECT DISTINCT tenant_id FROM audit.admin_events', ARRAY['tap-a'], 'tap-a reads what was done to it alone');
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the list of tap-a has its own record alone');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'tap-a may insert under its own name');
SELECT throws_ok($$EXECUTE appending ('tap-b')$$, '42501', 'new row violates row-level security policy for table "audit_logs"',
    'tap-a cannot insert under the name of tap-b');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
      VALUES (gen_random_uuid(), 'tap-a', 'own'), (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', NULL, 'a forged row is refused beside an own one');
SELECT cmp_ok((SELECT p.generic_plans FROM pg_prepared_statements AS p WHERE p.name = 'appending'), '>=', 4::bigint,
    'the plans were generic indeed');

-- Every other command is refused, proven or not; the superuser shows that the statements are good.
PREPARE updating AS UPDATE audit.audit_logs SET status = 'error' WHERE tenant_id = 'tap-a';
PREPARE deleting AS DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-a';
SELECT throws_ok('EXECUTE updating', '42501', 'permission denied for table audit_logs', 'a key changes no record');
SELECT throws_ok('EXECUTE deleting', '42501', 'permission denied for table audit_logs', 'a key deletes no record');
SELECT throws_ok('TRUNCATE audit.audit_logs', '42501', 'permission denied for table audit_logs', 'a key empties no table');
SELECT throws_ok('TRUNCATE audit.admin_events', '42501', 'permission denied for table admin_events', 'nor that of the acts');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
      VALUES (gen_random_uuid(), 'tap-a', 'x', '2001-01-01+00')$$,
    '42501', 'permission denied for table audit_logs', 'a key chooses no time');
RESET SESSION AUTHORIZATION;
SELECT lives_ok('EXECUTE updating', 'for whom it is allowed, the UPDATE is a good statement');

-- COPY in, and what pg_dump says first so that it takes all or nothing.
SET LOCAL SESSION AUTHORIZATION tap_loader;
SELECT throws_ok($$COPY audit.audit_logs (id, tenant_id, agent_id) FROM 'nowhere'$$, '0A000',
    'COPY FROM not supported with row-level security', 'COPY FROM is refused, for the proven tenant too');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'the same as an INSERT is accepted');
SET LOCAL row_security = off;
SELECT throws_ok('EXECUTE reading', '42501', 'query would be affected by row-level security policy for table "audit_logs"',
    'a dump with a key fails rather than look complete');
SET LOCAL row_security = on;
SELECT cmp_ok((SELECT count(*) FROM audit.audit_logs), '=', 3::bigint, 'a plain read is filtered');

-- A plan made as the superuser and executed with a key.
RESET SESSION AUTHORIZATION;
PREPARE planned AS SELECT DISTINCT tenant_id FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' ORDER BY tenant_id;
SELECT results_eq('EXECUTE planned', ARRAY['tap-a', 'tap-b'], 'the superuser sees both');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT results_eq('EXECUTE planned', ARRAY['tap-a'], 'the service, executing the same plan, sees what it has proven');

-- Both records are there: what was not seen was hidden, not missing.
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE agent_id IN ('agent-of-a', 'agent-of-b', 'forged')), 2::bigint,
    'two records were written, none of them forged');

SELECT * FROM finish();
ROLLBACK;
