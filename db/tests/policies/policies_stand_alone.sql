-- Proves: every policy is safe standing alone. A stray permissive policy opens nothing while the restrictive one stands,
-- and without the restrictive one the permissive ones hold by themselves.

BEGIN;
SELECT plan(20);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SET LOCAL app.tenant_id = 'tap-a';

-- Somebody adds policies with true, for reading, appending and all.
SAVEPOINT before_the_stray_policies;
CREATE POLICY stray_read ON audit.audit_logs FOR SELECT TO audit_trusted USING (true);
CREATE POLICY stray_append ON audit.audit_logs FOR INSERT TO audit_trusted WITH CHECK (true);
CREATE POLICY stray_all ON audit.audit_logs FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY stray_all ON audit.admin_events FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
CREATE POLICY stray_all ON audit.tenants FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'],
    'beside stray policies, tap-a still reads itself alone');
SELECT results_eq('SELECT id FROM audit.tenants', ARRAY['tap-a'], 'and sees its own row of the register alone');
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a')$$,
    'and appends to itself');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', 'new row violates row-level security policy "trusted_stays_in_own_tenant" for table "audit_logs"',
    'and cannot append to tap-b: the restrictive policy refuses');
SET LOCAL app.tenant_id = '';
SELECT is_empty('SELECT FROM audit.audit_logs', 'and without a tenant reads nothing');

-- Grants that are too wide as well: still nothing of tap-b can be touched.
RESET SESSION AUTHORIZATION;
GRANT UPDATE, DELETE ON audit.audit_logs, audit.admin_events TO audit_trusted;
SET LOCAL app.tenant_id = 'tap-a';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is_empty($$UPDATE audit.audit_logs SET error = 'forged' RETURNING id$$, 'with UPDATE granted as well, no record is changed');
SELECT is_empty('DELETE FROM audit.audit_logs RETURNING id', 'with DELETE granted as well, none is deleted');
SELECT is_empty($$UPDATE audit.admin_events SET actor = 'forged' RETURNING id$$, 'no administrative act is changed either');
SELECT is_empty('DELETE FROM audit.admin_events RETURNING id', 'nor deleted');
-- Without those that forbid it outright, the one for all commands keeps it to the tenant.
RESET SESSION AUTHORIZATION;
DROP POLICY nobody_changes_a_record ON audit.audit_logs;
DROP POLICY nobody_deletes_a_record ON audit.audit_logs;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is_empty($$UPDATE audit.audit_logs SET error = 'forged' WHERE tenant_id = 'tap-b' RETURNING id$$,
    'without the policies that forbid it, tap-b cannot be changed');
SELECT is_empty($$DELETE FROM audit.audit_logs WHERE tenant_id = 'tap-b' RETURNING id$$, 'nor deleted');
SELECT isnt_empty($$UPDATE audit.audit_logs SET error = 'forged' WHERE tenant_id = 'tap-a' RETURNING id$$,
    'tap-a could be: they are what forbids it');
SELECT throws_ok(
    $$UPDATE audit.audit_logs SET tenant_id = 'tap-b'$$,
    '42501', 'new row violates row-level security policy "trusted_stays_in_own_tenant" for table "audit_logs"',
    'but no record of tap-a be moved to tap-b');
ROLLBACK TO SAVEPOINT before_the_stray_policies;

-- Somebody drops the second line.
DROP POLICY trusted_stays_in_own_tenant ON audit.audit_logs;
DROP POLICY trusted_stays_in_own_tenant ON audit.tenants;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'],
    'without the restrictive policy, tap-a still reads itself alone');
SELECT results_eq('SELECT id FROM audit.tenants', ARRAY['tap-a'], 'and sees its own row of the register alone');
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a')$$,
    'and appends to itself');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'and cannot append to tap-b');

-- And, of the permissive ones, the one to read too: with only the append policy left nothing is read.
RESET SESSION AUTHORIZATION;
DROP POLICY trusted_reads_own_tenant ON audit.audit_logs;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is_empty('SELECT FROM audit.audit_logs', 'with the append policy alone, nothing is read');
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a')$$,
    'with the append policy alone, tap-a appends to itself');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"',
    'with the append policy alone, tap-a cannot append to tap-b');

SELECT * FROM finish();
ROLLBACK;
