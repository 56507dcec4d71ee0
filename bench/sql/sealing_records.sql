-- :records records of a hundred tenants, in transactions of five hundred records of one tenant. The foreign key is not asked.
DO $$
BEGIN
    SET session_replication_role = replica;
    FOR batch IN 1 .. :records / 500 LOOP
        INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, context)
        SELECT audit.uuid_v7(), md5('trace' || n), 'writer' || 1 + batch % 100, 'agent-' || n % 7, 'LIVE', 'success', 200, n, 'user-' || n,
               '{"event": "loan.refused", "resource": "loan/12"}'
        FROM generate_series(1, 500) AS n;
        COMMIT;
    END LOOP;
END
$$;
