-- The same as JSON, one object a line, as the export writes them.
\copy (
    SELECT row_to_json(item)
    FROM (
        SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error,
               to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
               to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, api_key_id, context
        FROM (
            SELECT * FROM audit.audit_logs
            WHERE tenant_id = 'bench' AND created_at >= ':start'
            ORDER BY created_at DESC, id DESC) AS l) AS item
) TO /dev/null
