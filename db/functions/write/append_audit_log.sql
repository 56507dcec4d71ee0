-- Appends one record, or says why not. For audit.append_audit_logs(), where many records could not be stored together.

CREATE OR REPLACE FUNCTION audit.append_audit_log(p_record json, p_tenant_id text, p_scope text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_record audit.new_audit_log;
BEGIN
    IF audit.store_audit_logs(json_build_array(p_record), p_tenant_id, p_scope) = 1 THEN
        RETURN true;
    END IF;
    v_record := json_populate_record(NULL::audit.new_audit_log, p_record);
    -- The table allows NULL in both, for imported history; a live record must have them.
    IF p_scope = 'write' AND (v_record.mode IS NULL OR v_record.status IS NULL) THEN
        RAISE EXCEPTION 'a record needs a mode and a status'
            USING ERRCODE = 'RF003', COLUMN = CASE WHEN v_record.mode IS NULL THEN 'mode' ELSE 'status' END;
    ELSIF p_scope <> 'write' AND v_record.created_at IS NULL THEN
        RAISE EXCEPTION 'an imported record has the time it was made' USING ERRCODE = 'RF003', COLUMN = 'created_at';
    ELSIF NOT audit.are_repeated(json_build_array(p_record), p_scope) THEN
        RAISE EXCEPTION 'the id belongs to another record'
            USING ERRCODE = 'RF004', COLUMN = 'id', HINT = 'Give every record an id of its own.';
    END IF;
    -- Here this is committed; on the standby it may not be, when the first COMMIT was cut off while it waited for one. That of a
    -- repetition waits only if it has written something.
    PERFORM pg_logical_emit_message(true, 'ringfence', '');
    RETURN false;
END
$$;

COMMENT ON FUNCTION audit.append_audit_log IS
    'Stores one record for this tenant: true. False: the tenant has this very record already. RF003 without mode or status (scope '
    'write) or created_at (any other), or when its context is not JSON, RF004 when the id belongs to another record, 23514 when a rule of the table is broken. Runs '
    'as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.append_audit_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append_audit_log TO audit_trusted, audit_keyed;
