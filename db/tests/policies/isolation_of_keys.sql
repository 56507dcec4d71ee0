-- Proves: with a key of one tenant the service can neither read nor write another, whichever of the two it has proven and
-- whatever command it uses; nor can it with no key at all. It reads through functions; the tables are closed to it, so that
-- no plan of its own tells how many records there are. Every refusal stands beside the same call allowed.

BEGIN;
SELECT plan(64);

-- Given two tenants with a key each.
SELECT audit.create_tenant('tap-a', 'Tenant A'), audit.create_tenant('tap-b', 'Tenant B') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
CREATE ROLE tap_loader LOGIN IN ROLE audit_keyed, pg_read_server_files;
\ir ../support/tap.sql
PREPARE reading AS SELECT item ->> 'agent_id' FROM json_array_elements(audit.list_audit_logs()::json -> 'items') AS item;
PREPARE reading_one (text) AS
    SELECT item ->> 'agent_id' FROM json_array_elements(audit.list_audit_logs(p_agent_id => $1)::json -> 'items') AS item;
PREPARE reading_acts AS
    SELECT DISTINCT item ->> 'tenant_id' FROM json_array_elements(audit.list_admin_events()::json -> 'items') AS item;
-- The functions that those go on in.
PREPARE reading_proven AS
    SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, 'desc', NULL, NULL)::json ->> 'count';
PREPARE reading_proven_acts AS SELECT json_array_length(audit.list_proven_admin_events(50, NULL, 'desc', NULL, NULL, NULL, NULL)::json -> 'items');
PREPARE appending (text) AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), $1, 'prepared');
SET LOCAL plan_cache_mode = force_generic_plan;

-- The tables are closed, to reading, counting and explaining.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(statement || name, '42501', 'permission denied for table ' || split_part(name, '.', 2), statement || name)
FROM (VALUES ('audit.audit_logs'), ('audit.admin_events')) AS t (name),
     (VALUES ('SELECT FROM '), ('SELECT count(*) FROM '), ('EXPLAIN SELECT FROM '), ('EXPLAIN ANALYZE TABLE ')) AS s (statement);

-- Without a key.
SELECT throws_ok('EXECUTE ' || name, 'RF001', NULL, format('no key: %s is refused', name))
FROM (VALUES ('reading'), ('reading_acts'), ('reading_proven'), ('reading_proven_acts')) AS p (name);
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', NULL, 'no key: nothing is appended');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'RF001', NULL,
    'no key: insert_audit_log says so');
SELECT throws_ok($$SELECT audit.set_tenant('tap-a')$$, '42501', 'permission denied for function set_tenant',
    'no key: a tenant cannot be named by the function');
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read,write', true),
       set_config('app.scope', 'read', true) \gset
SELECT throws_ok('EXECUTE ' || name, 'RF001', 'no tenant is proven for this statement',
    format('tap-a named by hand: %s is refused', name))
FROM (VALUES ('reading'), ('reading_acts'), ('reading_proven'), ('reading_proven_acts')) AS p (name);
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, '42501', NULL,
    'tap-a named by hand: insert_audit_log is refused');
SELECT throws_ok('SELECT FROM audit.tenants', '42501', 'permission denied for table tenants', 'no key: the register is closed');

-- With the one and then the other; each appends, reads, and tries the other.
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'tap-a appends its own record');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a reads it');
SELECT results_eq('EXECUTE reading_proven', ARRAY['1'], 'so does the function that the list goes on in');
SELECT results_eq('EXECUTE reading_proven_acts', ARRAY[2], 'and that of the acts: reading leaves none by itself');
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of tap-b');
SELECT is_empty('EXECUTE reading', 'tap-b reads nothing of tap-a');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-b', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'tap-b appends its own record');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-b'], 'tap-b reads its own record and no other');
SELECT is_empty($$EXECUTE reading_one ('agent-of-a')$$, 'tap-b finds nothing of tap-a');
SELECT results_eq($$EXECUTE reading_one ('agent-of-b')$$, ARRAY['agent-of-b'], 'tap-b finds itself');
SELECT results_eq('EXECUTE reading_acts', ARRAY['tap-b'], 'tap-b reads what was done to it alone');
SELECT lives_ok($$EXECUTE appending ('tap-b')$$, 'tap-b may insert under its own name');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', 'new row violates row-level security policy for table "audit_logs"',
    'tap-b cannot insert under the name of tap-a');
SELECT throws_ok(
    $$SELECT audit.insert_audit_log('agent-of-b', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'RF004', 'the id belongs to another record', 'an id of tap-a is refused to tap-b, in the words of one of its own');
SELECT throws_ok(
    $$SELECT audit.insert_audit_log('other', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'RF004', 'the id belongs to another record', 'which are these');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok('EXECUTE ' || name, 'RF001', 'no tenant is proven for this statement',
    format('tap-a named beside it: %s is refused', name))
FROM (VALUES ('reading'), ('reading_acts'), ('reading_proven'), ('reading_proven_acts')) AS p (name);

SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a again');
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'tap-a reads its own record and no other');
SELECT is_empty($$EXECUTE reading_one ('agent-of-b')$$, 'tap-a finds nothing of tap-b');
SELECT results_eq('EXECUTE reading_acts', ARRAY['tap-a'], 'tap-a reads what was done to it alone');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'tap-a may insert under its own name');
SELECT throws_ok($$EXECUTE appending ('tap-b')$$, '42501', 'new row violates row-level security policy for table "audit_logs"',
    'tap-a cannot insert under the name of tap-b');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
      VALUES (gen_random_uuid(), 'tap-a', 'own'), (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', NULL, 'a forged row is refused beside an own one');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'own') RETURNING id$$,
    '42501', 'permission denied for table audit_logs', 'nor is a row shown in return, be it an own one');
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
SELECT throws_ok('EXECUTE reading', '42501', 'query would be affected by row-level security policy for table "proof_secrets"',
    'without row-level security the list fails rather than look complete');
SELECT throws_ok('EXECUTE reading_acts', '42501', 'query would be affected by row-level security policy for table "proof_secrets"',
    'and that of the acts');
SET LOCAL row_security = on;
SELECT results_eq('EXECUTE reading_proven', ARRAY['3'], 'with it, it is filtered');

-- A plan made as the superuser and executed with a key.
RESET SESSION AUTHORIZATION;
PREPARE planned AS SELECT DISTINCT tenant_id FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' ORDER BY tenant_id;
SELECT results_eq('EXECUTE planned', ARRAY['tap-a', 'tap-b'], 'the superuser sees both');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('EXECUTE planned', '42501', 'permission denied for table audit_logs', 'the service, executing the same plan, none');

-- Both records are there: what was not seen was hidden, not missing.
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE agent_id IN ('agent-of-a', 'agent-of-b', 'forged')), 2::bigint,
    'two records were written, none of them forged');

SELECT * FROM finish();
ROLLBACK;
