-- The items of audit.list_audit_logs(), by the owner, who says which tenant he means: of the plain queries that write this
-- text the fastest that we know. It neither looks whether there is a next page nor makes a cursor; that is ours on top.
-- The colons of the time are quoted, or pgbench would take them for its variables.
SELECT concat('{"count": ', count(*), ', "items": [', string_agg(row_to_json(item)::text, ', '), ']}')
FROM (
    SELECT l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id, l.error,
           to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"') AS created_at,
           to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"') AS recorded_at, l.api_key_id, l.context
    FROM (SELECT * FROM audit.audit_logs WHERE tenant_id = 'bench' ORDER BY created_at DESC, id DESC LIMIT 50) AS l) AS item;
