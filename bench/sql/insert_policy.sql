-- A named tenant and the record under the policies, in one statement without our functions: what pgaudit logs.
WITH tenant AS MATERIALIZED (SELECT set_config('app.tenant_id', 'bench', true) AS id)
INSERT INTO audit.audit_logs
    (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error)
SELECT gen_random_uuid(), 'trace', id, 'agent', 'DRY_RUN', 'success', NULL, NULL, NULL, NULL FROM tenant;
