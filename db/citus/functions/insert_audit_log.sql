-- Appends one record: as audit.append_audit_log() does. On a single server this function has an INSERT of its own, to be quick.

CREATE OR REPLACE FUNCTION audit.insert_audit_log(
    p_agent_id    text,
    p_mode        text,
    p_status      text,
    p_trace_id    text DEFAULT NULL,
    p_http_status int  DEFAULT NULL,
    p_latency_ms  int  DEFAULT NULL,
    p_user_id     text DEFAULT NULL,
    p_error       text DEFAULT NULL,
    p_id          uuid DEFAULT NULL,
    p_context     text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('write');
    v_id        uuid := coalesce(p_id, audit.uuid_v7());
BEGIN
    -- As in db/functions: COMMIT must mean that the record is on the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM audit.append_audit_log(row_to_json(ROW(
        v_id, p_trace_id, p_agent_id, p_mode, p_status, p_http_status, p_latency_ms, p_user_id, p_error, NULL, p_context)::audit.new_audit_log),
        v_tenant_id, 'write');
    RETURN v_id;
END
$$;
