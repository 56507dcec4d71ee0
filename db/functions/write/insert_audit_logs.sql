-- Many records at once, in one INSERT. Runs as the caller, so the policies of audit.audit_logs decide the tenant, row by row.

CREATE OR REPLACE FUNCTION audit.insert_audit_logs(p_records json, p_first int DEFAULT 1)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id  text := audit.required_tenant('write');
    v_count      int  := json_array_length(p_records);
    v_stored     int;
    v_element    json;
    v_position   int  := p_first - 1;
    v_message    text;
    v_column     text;
    v_constraint text;
BEGIN
    -- As in audit.insert_audit_log(), which says why.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    BEGIN
        INSERT INTO audit.audit_logs
            (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error)
        SELECT coalesce(r.id, audit.uuid_v7()), r.trace_id, v_tenant_id, r.agent_id, r.mode, r.status, r.http_status,
               r.latency_ms, r.user_id, r.error
        FROM json_to_recordset(p_records) AS r (
            id uuid, trace_id text, agent_id text, mode text, status text, http_status int, latency_ms int, user_id text,
            error text)
        WHERE r.mode IS NOT NULL AND r.status IS NOT NULL
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_stored = ROW_COUNT;
        IF v_stored = v_count THEN
            RETURN v_count;
        END IF;
        -- A mode or status is missing, or an id is taken. Caught below, so that nothing stays of this attempt.
        RAISE EXCEPTION 'not all records were stored' USING ERRCODE = 'RF004';
    EXCEPTION WHEN OTHERS THEN
        -- What is wrong with a record is looked for below. Anything else is not about one of them.
        IF SQLSTATE <> 'RF004' AND left(SQLSTATE, 2) NOT IN ('22', '23') THEN
            RAISE;
        END IF;
    END;

    -- One by one, in their order, as audit.insert_audit_log() has it: the first that it refuses is named, and when none is,
    -- they were repetitions of the very same records.
    BEGIN
        FOR v_element IN
            SELECT e.record FROM json_array_elements(p_records) WITH ORDINALITY AS e (record, number) ORDER BY e.number
        LOOP
            v_position := v_position + 1;
            PERFORM audit.insert_audit_log(
                p_agent_id => r.agent_id, p_mode => r.mode, p_status => r.status, p_trace_id => r.trace_id,
                p_http_status => r.http_status, p_latency_ms => r.latency_ms, p_user_id => r.user_id, p_error => r.error,
                p_id => r.id)
            FROM json_to_record(v_element) AS r (
                id uuid, trace_id text, agent_id text, mode text, status text, http_status int, latency_ms int, user_id text,
                error text);
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = v_message, DETAIL = 'record ' || v_position,
            COLUMN = v_column, CONSTRAINT = v_constraint;
    END;
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION audit.insert_audit_logs IS
    'Appends records to the transaction''s tenant, all or none, and returns how many: a JSON array of objects with the '
    'arguments of audit.insert_audit_log() without their p_. Refuses what that function refuses, with the same SQLSTATE, column '
    'and constraint; the detail is "record N", where N counts from p_first. Repeating a call with the same ids and contents '
    'changes nothing.';
REVOKE ALL ON FUNCTION audit.insert_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_logs TO audit_trusted, audit_keyed;
