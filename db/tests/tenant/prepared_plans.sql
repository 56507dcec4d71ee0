-- Proves: a statement that was planned for one tenant, and is executed for another, obeys the other: policies are asked at
-- every execution, whether the plan is made anew or kept. Drivers and plpgsql keep plans across transactions.

BEGIN;
SELECT plan(17);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SET LOCAL SESSION AUTHORIZATION tap_gateway;

SET LOCAL app.tenant_id = 'tap-a';
PREPARE reading AS SELECT agent_id FROM audit.audit_logs;
PREPARE reading_by_agent (text) AS SELECT agent_id FROM audit.audit_logs WHERE agent_id LIKE $1;
PREPARE appending (text) AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), $1, 'prepared');

SET LOCAL plan_cache_mode = force_generic_plan;
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-a'], 'generic plan: tap-a reads itself');
SELECT results_eq($$EXECUTE reading_by_agent ('agent-%')$$, ARRAY['agent-of-a'], 'generic plan: tap-a finds itself');
SELECT lives_ok($$EXECUTE appending ('tap-a')$$, 'generic plan: tap-a appends to itself');
SELECT throws_ok($$EXECUTE appending ('tap-b')$$, '42501', NULL, 'generic plan: tap-a cannot append to tap-b');
SET LOCAL app.tenant_id = 'tap-b';
SELECT results_eq('EXECUTE reading', ARRAY['agent-of-b'], 'generic plan, other tenant: tap-b reads itself');
SELECT results_eq($$EXECUTE reading_by_agent ('agent-%')$$, ARRAY['agent-of-b'],
    'generic plan, other tenant: tap-b finds itself');
SELECT lives_ok($$EXECUTE appending ('tap-b')$$, 'generic plan, other tenant: tap-b appends to itself');
SELECT throws_ok($$EXECUTE appending ('tap-a')$$, '42501', NULL, 'generic plan, other tenant: tap-b cannot append to tap-a');
SET LOCAL app.tenant_id = '';
SELECT is_empty('EXECUTE reading', 'generic plan, no tenant: nothing is read');
SELECT cmp_ok((SELECT p.generic_plans FROM pg_prepared_statements AS p WHERE p.name = 'reading'), '>=', 3::bigint,
    'the plans were generic indeed');

SET LOCAL plan_cache_mode = force_custom_plan;
SELECT is_empty($$EXECUTE reading_by_agent ('agent-%')$$, 'custom plan, no tenant: nothing is found');
SET LOCAL app.tenant_id = 'tap-a';
SELECT results_eq($$EXECUTE reading_by_agent ('agent-%')$$, ARRAY['agent-of-a'], 'custom plan: tap-a finds itself');

-- The functions keep plans for the session.
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is(audit.list_audit_logs(p_agent_id => 'agent-of-a')::json ->> 'count', '1', 'list_audit_logs, called for tap-a');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'and after set_tenant');
SELECT is(audit.list_audit_logs(p_agent_id => 'agent-of-a')::json ->> 'count', '0', 'finds nothing of tap-a for tap-b');

-- A plan made as one role and executed as another: the policies are those of the role that executes.
RESET SESSION AUTHORIZATION;
PREPARE planned_by_the_superuser AS SELECT agent_id FROM audit.audit_logs WHERE agent_id LIKE 'agent-of-%' ORDER BY agent_id;
SELECT results_eq('EXECUTE planned_by_the_superuser', ARRAY['agent-of-a', 'agent-of-b'], 'the superuser sees both');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT results_eq('EXECUTE planned_by_the_superuser', ARRAY['agent-of-b'],
    'the gateway, executing the same plan, sees its tenant');

SELECT * FROM finish();
ROLLBACK;
