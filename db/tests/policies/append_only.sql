-- Proves: a record, once written, stays as it was: no run-time role can change, remove or overwrite it, in any form of
-- SQL. The superuser shows beside each refusal that the statement itself is a good one.

BEGIN;
SELECT plan(33);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL app.tenant_id = 'tap-a';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'the gateway appends');

PREPARE updating AS UPDATE audit.audit_logs SET status = 'error' WHERE tenant_id = 'tap-a';
PREPARE deleting AS DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-a';
PREPARE overwriting AS
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES ('01900000-0000-7000-8000-00000000000a', 'tap-a', 'agent')
    ON CONFLICT (id) DO UPDATE SET status = 'error';
PREPARE merging AS
    MERGE INTO audit.audit_logs AS l USING (SELECT 'tap-a' AS id) AS t ON l.tenant_id = t.id
    WHEN MATCHED THEN UPDATE SET status = 'error';
PREPARE locking AS SELECT FROM audit.audit_logs WHERE tenant_id = 'tap-a' FOR UPDATE;
PREPARE renaming AS UPDATE audit.tenants SET name = 'forged' WHERE id = 'tap-a';
PREPARE unregistering AS DELETE FROM audit.tenants WHERE id = 'tap-a';

SELECT throws_ok('EXECUTE updating', '42501', 'permission denied for table audit_logs', 'UPDATE is refused');
SELECT throws_ok('EXECUTE deleting', '42501', 'permission denied for table audit_logs', 'DELETE is refused');
SELECT throws_ok('TRUNCATE audit.audit_logs', '42501', 'permission denied for table audit_logs', 'TRUNCATE is refused');
SELECT throws_ok('TRUNCATE audit.tenants CASCADE', '42501', 'permission denied for table tenants',
    'TRUNCATE through the register is refused');
SELECT throws_ok('EXECUTE overwriting', '42501', 'permission denied for table audit_logs', 'ON CONFLICT DO UPDATE is refused');
SELECT throws_ok('EXECUTE merging', '42501', 'permission denied for table audit_logs', 'MERGE is refused');
SELECT throws_ok('EXECUTE locking', '42501', 'permission denied for table audit_logs', 'SELECT FOR UPDATE is refused');
SELECT throws_ok('EXECUTE renaming', '42501', 'permission denied for table tenants', 'a tenant cannot be renamed');
SELECT throws_ok('EXECUTE unregistering', '42501', 'permission denied for table tenants', 'a tenant cannot be removed');
SELECT throws_ok($$INSERT INTO audit.tenants (id, created_at) VALUES ('tap-z', now())$$, '42501',
    'permission denied for table tenants', 'a tenant cannot be added past the function');
SELECT throws_ok('ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY', '42501', 'must be owner of table audit_logs',
    'the protection cannot be switched off');
SELECT throws_ok('DROP POLICY trusted_stays_in_own_tenant ON audit.audit_logs', '42501', 'must be owner of relation audit_logs',
    'a policy cannot be dropped');
SELECT throws_ok('DROP TABLE audit.audit_logs', '42501', 'must be owner of table audit_logs', 'the table cannot be dropped');

-- With a key it is the same.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
SELECT throws_ok(statement, '42501', 'permission denied for table audit_logs', 'with a key, refused: ' || statement)
FROM (VALUES ('EXECUTE updating'), ('EXECUTE deleting'), ('TRUNCATE audit.audit_logs'), ('EXECUTE overwriting'),
    ('EXECUTE merging'),
             ('EXECUTE locking')) AS s (statement);
SELECT throws_ok(statement, '42501', 'permission denied for table tenants', 'with a key, refused: ' || statement)
FROM (VALUES ('EXECUTE renaming'), ('EXECUTE unregistering')) AS s (statement);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.scopes = '';   -- which a gateway does not have, nor a proof
SET LOCAL app.proof = '';

-- Time is the server's: a record cannot be dated back.
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
      VALUES (gen_random_uuid(), 'tap-a', 'x', '2001-01-01+00')$$,
    '42501', 'permission denied for table audit_logs', 'created_at cannot be chosen');
SELECT lives_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'x')$$,
    'the same insert without it is accepted');
SELECT results_eq(
    'SELECT DISTINCT created_at FROM audit.audit_logs', ARRAY[now()],
    'every record has the start of its transaction as its time');

RESET SESSION AUTHORIZATION;
SELECT is((SELECT status FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000a'), 'success',
    'the record is as it was written');
SELECT lives_ok('EXECUTE updating', 'the UPDATE is a good statement, for whom it is allowed');
SELECT lives_ok('EXECUTE overwriting', 'so is the ON CONFLICT DO UPDATE');
SELECT lives_ok('EXECUTE merging', 'so is the MERGE');
SELECT lives_ok('EXECUTE locking', 'so is the SELECT FOR UPDATE');
SELECT lives_ok('EXECUTE deleting', 'so is the DELETE');
SELECT lives_ok('EXECUTE renaming', 'so is the UPDATE of the register');

SELECT * FROM finish();
ROLLBACK;
