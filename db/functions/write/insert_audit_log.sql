-- Appends one record. Runs as the caller, so the policies of audit.audit_logs decide the tenant.

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
    -- The table allows NULL in both, for imported history; a live record must have them.
    IF p_mode IS NULL OR p_status IS NULL THEN
        RAISE EXCEPTION 'a record needs a mode and a status'
            USING ERRCODE = 'RF003', COLUMN = CASE WHEN p_mode IS NULL THEN 'mode' ELSE 'status' END;
    END IF;

    -- An earlier user of a pooled session may have left it with less. COMMIT must mean that the record is on the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    INSERT INTO audit.audit_logs
        (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
    VALUES
        (v_id, p_trace_id, v_tenant_id, p_agent_id, p_mode, p_status, p_http_status, p_latency_ms, p_user_id, p_error,
         CASE WHEN p_context IS NOT NULL THEN audit.parsed_context(p_context) END)
    ON CONFLICT DO NOTHING;

    -- After the INSERT, which waits for a prune of this very id: asked before, it would not be pruned yet.
    IF (CASE WHEN FOUND THEN p_id IS NOT NULL AND audit.are_pruned(ARRAY[p_id])
             ELSE NOT audit.are_repeated(json_build_array(row_to_json(ROW(
                 v_id, p_trace_id, p_agent_id, p_mode, p_status, p_http_status, p_latency_ms, p_user_id, p_error,
                 NULL, p_context)::audit.new_audit_log)), 'write') END) THEN
        RAISE EXCEPTION 'the id belongs to another record'
            USING ERRCODE = 'RF004', COLUMN = 'id', HINT = 'Give every record an id of its own.';
    END IF;
    IF NOT FOUND THEN
        -- Here this is committed; on the standby it may not be, when the first COMMIT was cut off while it waited for one. That of a
        -- repetition waits only if it has written something.
        PERFORM pg_logical_emit_message(true, 'ringfence', '');
    END IF;
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION audit.insert_audit_log IS
    'Appends one record to the transaction''s tenant and returns its id. RF001 when no tenant is set, RF003 without mode '
    'or status or when the context is not JSON, RF004 when the id belongs to another record, RF006 when the key may not write, 23514 when a rule of the '
    'table is broken. Repeating a call with the same id and content changes nothing.';
REVOKE ALL ON FUNCTION audit.insert_audit_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_log TO audit_trusted, audit_keyed;
