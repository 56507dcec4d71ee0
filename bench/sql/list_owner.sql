-- What audit.list_audit_logs() reads and writes, by the owner, who says which tenant he means.
SELECT string_agg(json_build_object(
        'id', l.id, 'trace_id', l.trace_id, 'tenant_id', l.tenant_id, 'agent_id', l.agent_id, 'mode', l.mode,
        'status', l.status, 'http_status', l.http_status, 'latency_ms', l.latency_ms, 'user_id', l.user_id,
        'error', l.error, 'created_at', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, ', ')
FROM (SELECT * FROM audit.audit_logs WHERE tenant_id = 'bench' ORDER BY created_at DESC, id DESC LIMIT 51) AS l;
