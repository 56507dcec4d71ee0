-- Proves: a tenant is entered in a transaction that is READ COMMITTED, and in no other. On the older snapshot of another level a
-- key that was revoked meanwhile would open its tenant again and again. Several transactions; none changes the database.

BEGIN;
SELECT plan(10);
SELECT is(current_setting('transaction_isolation'), 'read committed', 'a transaction is READ COMMITTED where nothing else is said');
COMMIT;

BEGIN;
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'READ COMMITTED: a key opens its tenant');
SELECT is(audit.replay_audit_logs('[]')::text, '[]', 'READ COMMITTED: what waited is replayed');
ROLLBACK;

BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'key_of_a'), '25000',
    'a tenant is entered in a transaction that is READ COMMITTED', 'READ UNCOMMITTED, which is the same by another name: refused');
ROLLBACK;

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'key_of_a'), '25000',
    'a tenant is entered in a transaction that is READ COMMITTED', 'REPEATABLE READ: refused');
SELECT is(coalesce(current_setting('app.tenant_id', true), ''), '', 'and no tenant is set');
SELECT throws_ok($$SELECT audit.replay_audit_logs('[]')$$, '25000', 'a tenant is entered in a transaction that is READ COMMITTED',
    'REPEATABLE READ: no replay either');
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$SELECT audit.enter_tenant_to_keep('tap-a')$$, '25000', 'a tenant is entered in a transaction that is READ COMMITTED',
    'REPEATABLE READ: nor a prune');
ROLLBACK;

BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'key_of_a'), '25000', NULL, 'SERIALIZABLE: refused');
SELECT throws_ok('SELECT audit.enter_tenant(''x'')', '25000', NULL, 'before the key is looked at');
ROLLBACK;

SELECT * FROM finish();
