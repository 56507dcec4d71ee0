-- Proves: the run-time roles can make no temporary object. A temporary table of one tenant could be read by the next in
-- the same pooled session; one named like ours could swallow the records of a function that does not say which it means.

BEGIN;
SELECT plan(9);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a') \gset

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SELECT throws_ok('CREATE TEMPORARY TABLE kept AS SELECT * FROM audit.audit_logs', '42501', NULL,
    'the gateway cannot keep records in a temporary table');
SELECT throws_ok('CREATE TEMPORARY TABLE audit_logs (id uuid)', '42501', NULL, 'the gateway cannot shadow our table');
SELECT throws_ok('CREATE TEMPORARY VIEW tenants AS SELECT 1', '42501', NULL, 'the gateway cannot shadow it by a view');
SELECT throws_ok('CREATE TEMPORARY SEQUENCE numbers', '42501', NULL, 'the gateway cannot make a temporary sequence');
SELECT throws_ok('SELECT id INTO TEMPORARY kept FROM audit.audit_logs', '42501', NULL, 'nor does INTO help');

-- Were TEMP granted, the same would be possible: it is that privilege, and nothing else, which is missing.
RESET SESSION AUTHORIZATION;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT lives_ok('CREATE TEMPORARY TABLE kept AS SELECT id FROM audit.audit_logs', 'with TEMP granted the gateway could');

-- And even then our functions mean our tables: here with temporary ones of the same name, in front of everything.
RESET SESSION AUTHORIZATION;
CREATE TEMPORARY TABLE audit_logs (LIKE audit.audit_logs);
CREATE TEMPORARY TABLE tenants (LIKE audit.tenants);
GRANT ALL ON audit_logs, tenants TO PUBLIC;
SET LOCAL search_path = pg_temp, audit, pg_catalog;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a'), audit.insert_audit_log('agent', 'LIVE', 'success') \gset
RESET SESSION AUTHORIZATION;
SELECT set_config('search_path', (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pgtap'), true) \gset
SELECT is((SELECT count(*) FROM pg_temp.audit_logs), 0::bigint, 'the shadow swallows no record');
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a'), 1::bigint, 'the record is in the table');
SELECT is((SELECT count(*) FROM pg_temp.tenants), 0::bigint, 'the shadow register is not asked either: set_tenant found tap-a');

SELECT * FROM finish();
ROLLBACK;
