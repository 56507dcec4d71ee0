-- Proves: what audit_trusted is trusted with. It names its tenant itself, and may name another in the middle of its work: the
-- database sees to it that records are read and written under the tenant named, not that the name is right. Whoever lets
-- strangers' SQL run as this role has given them every tenant; these tests say so, and will turn red when it changes.

BEGIN;
SELECT plan(10);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SET LOCAL SESSION AUTHORIZATION tap_gateway;

SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'the gateway names tap-a');
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'and reads tap-a');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'it may name tap-b in the same transaction');
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-b'], 'and then reads tap-b, and no longer tap-a');
SELECT is(set_config('app.tenant_id', 'tap-a', true), 'tap-a', 'it may set the name past the function');
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'with the same effect');

-- Even within one statement, which injected SQL would be. OFFSET 0 keeps the planner from reading before the name is set.
SELECT results_eq(
    $$WITH switched AS MATERIALIZED (SELECT set_config('app.tenant_id', 'tap-b', true) AS tenant_id)
      SELECT l.agent_id FROM switched
      CROSS JOIN LATERAL (SELECT agent_id FROM audit.audit_logs WHERE tenant_id = switched.tenant_id OFFSET 0) AS l$$,
    ARRAY['agent-of-b'], 'a single statement may switch the tenant and read the other');
SELECT is(current_setting('app.tenant_id'), 'tap-b', 'and leaves it switched');

-- Never two at once.
SELECT is((SELECT count(DISTINCT tenant_id) FROM audit.audit_logs), 1::bigint, 'a plain statement sees one tenant');
SELECT throws_ok($$SET LOCAL app.tenant_id = 'tap-a', 'tap-b'$$, '22023', NULL, 'two names cannot be set');

SELECT * FROM finish();
ROLLBACK;
