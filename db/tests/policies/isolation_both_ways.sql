-- Proves: the gateway, speaking for one tenant, can neither read nor write another, whichever of the two it speaks for
-- and whatever command it uses. Every refusal stands beside the same call allowed, so that a missing grant cannot pass
-- for isolation.

BEGIN;
SELECT plan(27);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

-- Given two tenants.
SELECT audit.create_tenant('tap-a', 'Tenant A'), audit.create_tenant('tap-b', 'Tenant B') \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;

-- Each appends a record of its own.
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'the gateway speaks for tap-a');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000a')$$,
    'tap-a appends its own record');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'the gateway speaks for tap-b');
SELECT lives_ok(
    $$SELECT audit.insert_audit_log('agent-of-b', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'tap-b appends its own record');

-- Acting as tap-b.
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-b'], 'tap-b reads its own record and no other');
SELECT results_eq('SELECT id FROM audit.tenants', ARRAY['tap-b'], 'tap-b sees its own row of the register and no other');
SELECT is_empty($$SELECT FROM audit.audit_logs WHERE tenant_id = 'tap-a'$$, 'tap-b finds nothing when it asks for tap-a');
SELECT is_empty(
    $$SELECT FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000a'$$,
    'tap-b finds nothing under an id of tap-a');
SELECT is(audit.list_audit_logs()::json #>> '{items,0,agent_id}', 'agent-of-b', 'the list of tap-b begins with its own record');
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the list of tap-b has no other');
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'direct')$$,
    'tap-b may insert under its own name');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'tap-b cannot insert under the name of tap-a');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
      VALUES (gen_random_uuid(), 'tap-b', 'own'), (gen_random_uuid(), 'tap-a', 'forged')$$,
    '42501', NULL, 'a forged row is refused beside an own one');

-- Acting as tap-a.
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'the gateway speaks for tap-a again');
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'tap-a reads its own record and no other');
SELECT results_eq('SELECT id FROM audit.tenants', ARRAY['tap-a'], 'tap-a sees its own row of the register and no other');
SELECT is_empty($$SELECT FROM audit.audit_logs WHERE tenant_id = 'tap-b'$$, 'tap-a finds nothing when it asks for tap-b');
SELECT is_empty(
    $$SELECT FROM audit.audit_logs WHERE id = '01900000-0000-7000-8000-00000000000b'$$,
    'tap-a finds nothing under an id of tap-b');
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'the list of tap-a has its own record alone');
SELECT lives_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'direct')$$,
    'tap-a may insert under its own name');
SELECT throws_ok(
    $$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', 'new row violates row-level security policy for table "audit_logs"', 'tap-a cannot insert under the name of tap-b');

-- Names that only look like the tenant's: a comparison that folds or trims would let them in.
SET LOCAL app.tenant_id = 'TAP-A';
SELECT is_empty('SELECT FROM audit.audit_logs', 'upper case reads nothing');
SELECT throws_ok($$SELECT audit.set_tenant('TAP-A')$$, 'RF002', NULL, 'upper case is another, unregistered name');
SELECT throws_ok($$SELECT audit.set_tenant('tap-a ')$$, 'RF002', NULL, 'a trailing space is another, unregistered name');
SELECT throws_ok(
    format($$SELECT audit.set_tenant(%L)$$, 't' || chr(1072) || 'p-a'), 'RF002', NULL,
    'a Cyrillic letter is another, unregistered name');
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'the exact name is accepted');

-- Both records are there: what was not seen was hidden, not missing.
RESET SESSION AUTHORIZATION;
SELECT is(
    (SELECT count(*) FROM audit.audit_logs WHERE agent_id IN ('agent-of-a', 'agent-of-b', 'forged')), 2::bigint,
    'two records were written, none of them forged');

SELECT * FROM finish();
ROLLBACK;
