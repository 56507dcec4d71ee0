-- The same page by the owner, who says which tenant he means: what one would write who needs no cursor and no policy.
SELECT json_build_object('items', json_agg(item))
FROM (SELECT l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id, l.error,
             to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"') AS created_at
      FROM audit.audit_logs AS l WHERE l.tenant_id = 'bench' ORDER BY l.created_at DESC, l.id DESC LIMIT 51) AS item;
