-- :records records of one tenant, a second apart. The foreign key is not asked.
SET session_replication_role = replica;
INSERT INTO audit.audit_logs
    (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, context, created_at)
SELECT audit.uuid_v7(), md5('trace' || n), 'bench', 'agent-' || n % 7, 'LIVE', 'success', 200, n % 900, 'user-' || n % 1000,
       '{"event": "loan.refused", "resource": "loan/12"}', timestamptz '2027-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(1, :records) AS n;
RESET session_replication_role;
ANALYZE audit.audit_logs;
