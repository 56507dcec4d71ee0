-- :records records of ten tenants whose terms have ended, in transactions of five hundred records of one tenant. The foreign key is not asked.
DO $$
BEGIN
    SET session_replication_role = replica;
    FOR batch IN 1 .. :records / 500 LOOP
        INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, context, created_at)
        SELECT audit.uuid_v7(), md5('trace' || n), 'pruned' || 1 + batch % 10, 'agent-' || n % 7, 'LIVE', 'success', 200, n, 'user-' || n,
               '{"event": "loan.refused", "resource": "loan/12"}', clock_timestamp() - interval '300 days'
        FROM generate_series(1, 500) AS n;
        COMMIT;
    END LOOP;
END
$$;
