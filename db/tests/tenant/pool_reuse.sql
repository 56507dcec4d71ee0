-- Proves: what one transaction of a pooled session leaves to the next. The tenant ends with its transaction; what stays is
-- the empty string, not NULL, and the empty string is no tenant either: nothing is read, and nothing lands in a tenant ''.
-- Several transactions in one session, as a pool gives them out; none changes the database.

-- Roles are the cluster's: a login that names its tenant is made anew in each transaction that needs one, and undone with it.

-- The plan is made in a transaction of its own and committed: it is a temporary table, which a ROLLBACK would take away.
BEGIN;
SELECT plan(26);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(current_setting('app.tenant_id', true), NULL, 'a new session has no tenant');
COMMIT;

-- The first borrower of the session works for tap-a and hands it back in the middle of nothing: ROLLBACK.
BEGIN;
SELECT audit.create_tenant('tap-a') \gset
\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'the first transaction works for tap-a');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'and writes');
SELECT is((SELECT count(*) FROM audit.audit_logs), 1::bigint, 'and reads');
ROLLBACK;
SELECT is(coalesce(current_setting('app.tenant_id', true), ''), '', 'after a ROLLBACK no tenant is set');

-- The second borrower commits.
BEGIN;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(set_config('app.tenant_id', 'tap-a', true), 'tap-a', 'the second transaction names tap-a');
COMMIT;
SELECT is(current_setting('app.tenant_id', true), '', 'after a COMMIT the setting is empty, not NULL');
SELECT is(session_user <> 'audit_app', true, 'and the session is nobody''s again');
SELECT is(to_regrole('tap_gateway'), NULL, 'and what the test made for itself is gone');

-- The third borrower names no tenant. tap-a has a record that it must not see.
BEGIN;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(current_setting('app.tenant_id', true), '', 'the third transaction begins with the stale empty tenant');
SELECT is_empty('SELECT FROM audit.audit_logs', 'which reads no record');
SELECT is_empty('SELECT FROM audit.tenants', 'and no row of the register');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'RF001', 'no tenant is set for this transaction',
    'insert_audit_log takes it for no tenant');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', 'no tenant is set for this transaction',
    'list_audit_logs takes it for no tenant');
-- '' = '' satisfies the policies: only the rule on the tenant's form stands between this insert and a tenant that every
-- caller without one would share.
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), '', 'x')$$,
    '23514', 'new row for relation "audit_logs" violates check constraint "audit_logs_tenant_id_form"',
    'an insert past the function into tenant '''' is refused by the table');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'x')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'one into tap-a by the policy');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'once the transaction works for tap-b');
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-b'], 'it reads tap-b, and nothing of tap-a');
ROLLBACK;

-- RESET and DISCARD leave the empty string too, not NULL.
RESET app.tenant_id;
SELECT is(current_setting('app.tenant_id', true), '', 'RESET leaves the setting empty');

-- A savepoint undone takes its tenant with it; one released leaves it to the rest of the transaction.
BEGIN;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a transaction works for tap-a');
SAVEPOINT inner_work;
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'and inside a savepoint for tap-b');
ROLLBACK TO SAVEPOINT inner_work;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'undone, the savepoint gives tap-a back');
SELECT audit.set_tenant('tap-b') \gset
RELEASE SAVEPOINT inner_work;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-b'],
    'released, it leaves tap-b: a nested transaction must not name a tenant of its own');
SELECT throws_ok($$SELECT audit.set_tenant('tap-unknown')$$, 'RF002', NULL, 'a refused tenant');
SELECT is(current_setting('app.tenant_id'), 'tap-b', 'is not left behind where the refusal was caught');
ROLLBACK;

SELECT is(coalesce(current_setting('app.tenant_id', true), ''), '', 'the session ends without a tenant');
SELECT * FROM finish();
