-- Proves: a transaction that names no tenant reads nothing and writes nothing, and the functions say so; one that names
-- an unknown tenant likewise. Run in a session that has never set the tenant: the setting is NULL, not ''.

BEGIN;
SELECT plan(18);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent');
SET LOCAL SESSION AUTHORIZATION tap_gateway;

-- Never set.
SELECT is(current_setting('app.tenant_id', true), NULL, 'no tenant was ever set in this session');
SELECT is_empty('SELECT FROM audit.audit_logs', 'without a tenant no record is read');
SELECT is_empty('SELECT FROM audit.tenants', 'without a tenant the register looks empty');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'x')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'without a tenant nothing is inserted');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), NULL, 'x')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'nor under no name at all');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'RF001', 'no tenant is set for this transaction',
    'insert_audit_log says that no tenant is set');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', 'no tenant is set for this transaction',
    'list_audit_logs says that no tenant is set');

-- A tenant that nobody registered.
SELECT throws_ok($$SELECT audit.set_tenant('tap-unknown')$$, 'RF002', 'the tenant is not registered',
    'set_tenant says that the tenant is not registered');
SELECT throws_ok('SELECT audit.set_tenant(NULL)', 'RF002', NULL, 'nobody is not registered');
SELECT throws_ok($$SELECT audit.set_tenant('')$$, 'RF002', NULL, 'nor is the empty name');
SELECT throws_ok($$SELECT audit.set_tenant('tap-a'' OR true --')$$, 'RF002', NULL, 'nor is a piece of SQL');
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT is_empty('SELECT FROM audit.audit_logs', 'an unregistered name, set past the function, reads nothing');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, '23503', NULL,
    'and writes nothing: no record for a tenant that does not exist');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF002', 'the tenant is not registered',
    'and an empty page is not taken for an empty trail');

-- The same calls, with a tenant.
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a registered tenant is accepted');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'then a record is written');
SELECT is(audit.list_audit_logs()::json ->> 'count', '2', 'and records are listed');
SELECT is((SELECT count(*) FROM audit.audit_logs), 2::bigint, 'and read');

SELECT * FROM finish();
ROLLBACK;
