-- Stores records in one INSERT. The only INSERT of records beside that of audit.insert_audit_log(), which must be quick for one.

CREATE OR REPLACE FUNCTION audit.store_audit_logs(p_records json, p_tenant_id text, p_scope text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stored int;
    v_ids    uuid[];
BEGIN
    -- RETURNING no column: a role that may not read may insert.
    IF p_scope = 'write' THEN
        WITH given AS MATERIALIZED (
            SELECT * FROM json_populate_recordset(NULL::audit.new_audit_log, p_records)
        ), stored AS (
            -- Not created_at, which no run-time role may write: the server's clock.
            INSERT INTO audit.audit_logs
                (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
            SELECT coalesce(r.id, audit.uuid_v7()), r.trace_id, p_tenant_id, r.agent_id, r.mode, r.status, r.http_status,
                   r.latency_ms, r.user_id, r.error, CASE WHEN r.context IS NOT NULL THEN audit.parsed_context(r.context) END
            FROM given AS r
            WHERE r.mode IS NOT NULL AND r.status IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM stored), ARRAY(SELECT r.id FROM given AS r WHERE r.id IS NOT NULL) INTO v_stored, v_ids;
    ELSE
        WITH given AS MATERIALIZED (
            SELECT * FROM json_populate_recordset(NULL::audit.new_audit_log, p_records)
        ), stored AS (
            -- Replayed records were made before now: a time in the future, by a wrong clock of the service, becomes the current time.
            INSERT INTO audit.audit_logs
                (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context, created_at)
            -- A replayed record without an id is refused: repeating the replay would store it again.
            SELECT CASE p_scope WHEN 'replay' THEN r.id ELSE coalesce(r.id, audit.uuid_v7()) END, r.trace_id, p_tenant_id, r.agent_id,
                   r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
                   CASE WHEN r.context IS NOT NULL THEN audit.parsed_context(r.context) END,
                   least(r.created_at, CASE p_scope WHEN 'replay' THEN clock_timestamp() END)
            FROM given AS r
            WHERE r.created_at IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM stored), ARRAY(SELECT r.id FROM given AS r WHERE r.id IS NOT NULL) INTO v_stored, v_ids;
    END IF;
    IF audit.are_pruned(v_ids) THEN
        RAISE EXCEPTION 'the id belongs to another record'
            USING ERRCODE = 'RF004', COLUMN = 'id', HINT = 'Give every record an id of its own.';
    END IF;
    RETURN v_stored;
END
$$;

COMMENT ON FUNCTION audit.store_audit_logs IS
    'Stores a JSON array of records for this tenant and returns how many it stored: not those whose id is taken, nor those without '
    'mode or status (scope write) or created_at (any other). RF004 when an id is that of a pruned record. For audit.append_audit_logs(). Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.store_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.store_audit_logs TO audit_trusted, audit_keyed;
