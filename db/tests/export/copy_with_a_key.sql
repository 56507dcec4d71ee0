-- Proves: COPY TO, the one command that moves a whole table past every condition, is not for a key; and were it, it would give
-- the records of the tenant that was proven alone, and with a tenant that is only named none.

BEGIN;
SELECT plan(5);

-- The records are named so that each, when it comes out, is a line of the report: the one of tap-b a failure.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'ok 3 - COPY TO gives the record of the tenant that was proven'),
       (gen_random_uuid(), 'tap-b', 'not ok 3 - COPY TO gives the record of a tenant that was not');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
SELECT is(has_any_column_privilege('audit.audit_logs', 'SELECT'), false, 'the privilege that COPY TO asks for is not there');

-- To see that the policies hold by themselves: what the role has not, for the length of this test.
RESET SESSION AUTHORIZATION;
GRANT SELECT ON audit.audit_logs TO audit_keyed;
SET LOCAL SESSION AUTHORIZATION audit_app;
COPY audit.audit_logs (agent_id) TO STDOUT;
-- The line above did not come from pgTAP, which has to be told to count it.
SELECT add_result(true, true, 'COPY TO', '', '') AS counted \gset

SELECT set_config('app.tenant_id', 'tap-b', true) \gset
COPY audit.audit_logs (agent_id) TO STDOUT;
COPY (SELECT agent_id FROM audit.audit_logs) TO STDOUT;
SELECT is(current_setting('app.tenant_id'), 'tap-b', 'with tap-b named, and neither proven, COPY TO gives nothing');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-b'), 1::bigint, 'though there is something to give');

SELECT * FROM finish();
ROLLBACK;
