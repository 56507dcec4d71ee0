-- Proves: what each role of the cluster sees of two tenants' records: the groups, their members, the owner, the migrator,
-- a reader of all data and a stranger. Only members of audit_trusted and audit_keyed see any, and those of one tenant; the
-- latter by functions alone.

BEGIN;
SELECT plan(72);

-- Given two tenants with a record each, a key of one, and the logins that an operator would make.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
CREATE ROLE tap_dba LOGIN IN ROLE audit_trusted;
\ir ../support/registrar.sql
CREATE ROLE tap_reader LOGIN IN ROLE pg_read_all_data;
CREATE ROLE tap_stranger LOGIN;
SET LOCAL app.tenant_id = 'tap-a';

-- A DBA in psql, member of audit_trusted.
SET LOCAL SESSION AUTHORIZATION tap_dba;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'a member of audit_trusted reads tap-a alone');
SELECT lives_ok($$SELECT audit.insert_audit_log('a', 'LIVE', 'success')$$, 'a member of audit_trusted appends to tap-a');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"',
    'a member of audit_trusted cannot append to tap-b');
SELECT throws_ok('DELETE FROM audit.audit_logs', '42501', 'permission denied for table audit_logs',
    'a member of audit_trusted cannot delete');
SET LOCAL ROLE audit_trusted;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-b'), 0::bigint,
    'becoming the group itself shows no more');
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a'), 2::bigint, 'and no less');

-- A registrar, member of audit_admin.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.create_tenant('tap-c'), 'tap-c', 'a member of audit_admin creates a tenant');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs',
    'a member of audit_admin reads no log');
SELECT throws_ok('SELECT FROM audit.tenants', '42501', 'permission denied for table tenants',
    'a member of audit_admin reads no table');
SELECT throws_ok($$INSERT INTO audit.tenants (id, created_at) VALUES ('tap-d', now())$$, '42501',
    'permission denied for table tenants', 'a member of audit_admin writes the register through the function alone');
SELECT throws_ok('SELECT audit.list_audit_logs()', '42501', 'permission denied for function list_audit_logs',
    'a member of audit_admin cannot list');
SELECT throws_ok($$SELECT audit.insert_audit_log('a', 'LIVE', 'success')$$, '42501',
    'permission denied for function insert_audit_log', 'a member of audit_admin cannot append');
SELECT throws_ok('DELETE FROM audit.audit_logs', '42501', 'permission denied for table audit_logs',
    'a member of audit_admin cannot delete');

-- The migrator holds the owner's powers only after saying so, and the owner is bound by the policies all the same.
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for schema audit',
    'audit_migrator alone does not even enter the schema');
SELECT lives_ok('SET LOCAL ROLE audit_owner', 'audit_migrator may become audit_owner');
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'the owner reads no record, with or without a tenant');
SELECT cmp_ok((SELECT count(*) FROM audit.tenants), '>=', 3::bigint, 'the owner reads the register: list_tenants runs as it');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'the owner appends no record');
SELECT lives_ok($$INSERT INTO audit.tenants (id, created_at) VALUES ('tap-e', now())$$,
    'the owner adds to the register: create_tenant runs as it');
SELECT throws_ok($$UPDATE audit.audit_logs SET agent_id = 'forged'$$, '42501', 'permission denied for table audit_logs',
    'the owner changes no record: it is refused, and not done to none');
SELECT throws_ok('DELETE FROM audit.audit_logs', '42501', 'permission denied for table audit_logs',
    'the owner deletes no record: it is refused, and not done to none');
SELECT throws_ok($$UPDATE audit.tenants SET name = 'forged'$$, '42501', 'permission denied for table tenants',
    'the owner changes no tenant: it is refused, and not done to none');
SELECT throws_ok('DELETE FROM audit.tenants', '42501', 'permission denied for table tenants',
    'the owner deletes no tenant: it is refused, and not done to none');
SELECT throws_ok(format('TRUNCATE %s CASCADE', c.oid::regclass), '42501', 'permission denied for table ' || c.relname,
    'the owner does not empty ' || c.relname)
FROM pg_class AS c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname;
-- The one column whose UPDATE foreign keys need; no policy allows it.
SELECT is_empty('UPDATE audit.tenants SET created_at = now() RETURNING id', 'nor does it change when a tenant was created');
SELECT is((SELECT count(*) FROM audit.admin_events), 0::bigint, 'the owner reads no administrative act');
SELECT throws_ok($$UPDATE audit.admin_events SET actor = 'forged'$$, '42501', 'permission denied for table admin_events',
    'the owner changes none: it is refused, and not done to none');
SELECT throws_ok('DELETE FROM audit.admin_events', '42501', 'permission denied for table admin_events',
    'the owner deletes none: it is refused, and not done to none');

-- pg_read_all_data passes the grants, not the policies.
SET LOCAL SESSION AUTHORIZATION tap_reader;
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'a member of pg_read_all_data reads no record');
SELECT is((SELECT count(*) FROM audit.tenants), 0::bigint, 'a member of pg_read_all_data reads no tenant');
SELECT is((SELECT count(*) FROM audit.api_keys), 0::bigint, 'nor the hash of a key');
SELECT is((SELECT count(*) FROM audit.api_key_uses), 0::bigint, 'nor when one was used');
SELECT is((SELECT count(*) FROM audit.proof_secrets), 0::bigint, 'nor the secret of the proofs');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'x')$$,
    '42501', 'permission denied for table audit_logs', 'a member of pg_read_all_data writes nothing');

SET LOCAL SESSION AUTHORIZATION tap_stranger;
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for schema audit', 'a stranger reads nothing');
SELECT throws_ok('SELECT audit.list_audit_logs()', '42501', 'permission denied for schema audit', 'a stranger calls nothing');
SELECT throws_ok('SELECT FROM pgmigrate.applied_files', '42501', 'permission denied for schema pgmigrate',
    'a stranger sees no migration');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('SELECT FROM pgmigrate.applied_files', '42501', 'permission denied for schema pgmigrate',
    'nor does the service');
SELECT throws_ok($$SELECT audit.create_tenant('tap-f')$$, '42501', 'permission denied for function create_tenant',
    'the service creates no tenant');
SELECT throws_ok('SET LOCAL ROLE audit_owner', '42501', 'permission denied to set role "audit_owner"',
    'the service cannot become the owner');
SELECT throws_ok('SET LOCAL ROLE audit_trusted', '42501', 'permission denied to set role "audit_trusted"',
    'nor the group that names its tenant');
-- Its tenant is tap-a by name alone, until a key proves it.
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs',
    'the service does not read the table');
SELECT throws_ok('SELECT FROM audit.admin_events', '42501', 'permission denied for table admin_events',
    'nor that of the administrative acts');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', 'no tenant is proven for this statement',
    'and naming tap-a lists nothing');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'and appends nothing');
SELECT throws_ok('SELECT FROM audit.tenants', '42501', 'permission denied for table tenants', 'and does not read the register');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
PREPARE listed AS
    SELECT item ->> 'tenant_id', count(*) FROM json_array_elements(audit.list_audit_logs()::json -> 'items') AS item
    GROUP BY 1;
SELECT results_eq('EXECUTE listed', $$VALUES ('tap-a', 2::bigint)$$, 'the service lists tap-a alone');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs', 'and still reads no table');
SET LOCAL ROLE audit_keyed;
SELECT results_eq('EXECUTE listed', $$VALUES ('tap-a', 2::bigint)$$, 'becoming its group shows no more, and no less');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs', 'of the table neither');
RESET SESSION AUTHORIZATION;
-- What the owner reads is what its functions' caller has proven, with the scope that the function asks for.
SET LOCAL ROLE audit_owner;
SET LOCAL app.scope = '';
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'the owner reads nothing without a scope');
SET LOCAL app.scope = 'read';
SELECT results_eq('SELECT DISTINCT tenant_id FROM audit.audit_logs', ARRAY['tap-a'], 'with one, what is proven');
SELECT results_eq('SELECT DISTINCT tenant_id FROM audit.admin_events', ARRAY['tap-a'], 'of the administrative acts too');
SET LOCAL app.tenant_id = 'tap-b';
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'and nothing that is only named');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE agent_id IN ('agent-of-a', 'agent-of-b')), 2::bigint,
    'both records are there, unchanged');

SELECT * FROM finish();
ROLLBACK;
