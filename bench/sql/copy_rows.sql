-- The records of an export in their own columns, by the owner. Made one line for psql.
\copy (
    SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at,
           recorded_at, api_key_id, context
    FROM audit.audit_logs
    WHERE tenant_id = 'bench' AND created_at >= ':start'
    ORDER BY created_at DESC, id DESC
) TO /dev/null
