-- :records records of the tenant kept, one in a thousand of each user. The foreign key is not asked.
SET session_replication_role = replica;
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
SELECT audit.uuid_v7(), md5('trace' || n), 'kept', 'agent-' || n % 7, 'LIVE', 'error', 500, n, 'user-' || n % 1000, 'timed out',
       '{"event": "loan.refused", "resource": "loan/12"}'
FROM generate_series(1, :records) AS n;
