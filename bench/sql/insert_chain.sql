-- A named tenant and the record in the chained table, in one statement: of one tenant, or of :tenants, a client each in turn.
\set number 1 + :client_id % :tenants
WITH tenant AS MATERIALIZED (SELECT set_config('app.tenant_id', 'other' || :number, true) AS id)
INSERT INTO peer.chained_logs
    (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error)
SELECT gen_random_uuid(), 'trace', id, 'agent', 'DRY_RUN', 'success', NULL, NULL, NULL, NULL FROM tenant;
