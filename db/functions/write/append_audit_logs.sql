-- The core under all functions that append many records: insert, batch, import and replay. Fast path: one INSERT for all of them,
-- since most are valid. When that fails, one by one, so that it is known which record is refused and why.

CREATE OR REPLACE FUNCTION audit.append_audit_logs(
    p_records    json,
    p_scope      text,
    p_first      int DEFAULT NULL,
    OUT total    int,
    OUT stored   int,
    OUT refusals json[])
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id  text    := audit.required_tenant(p_scope);
    -- Live records of many requests share one commit, and must not share an error. Elsewhere, an error that is about no record
    -- is no outcome of one: the caller would take it for a refusal for good.
    v_is_shared  boolean := p_scope = 'write' AND p_first IS NULL;
    v_position   int     := coalesce(p_first, 1) - 1;
    v_element    json;
    v_message    text;
    v_column     text;
    v_constraint text;
BEGIN
    total := json_array_length(p_records);   -- once: it parses all of them
    -- An earlier user of a pooled session may have left it with less. COMMIT must mean that the records are on the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    BEGIN
        stored := audit.store_audit_logs(p_records, v_tenant_id, p_scope);
        -- Or the same records come again: all of them, or some.
        IF stored = total OR audit.are_repeated(p_records, p_scope) THEN
            IF stored < total THEN
                -- Here this is committed; on the standby it may not be, when the first COMMIT was cut off while it waited for one. That of a
                -- repetition waits only if it has written something.
                PERFORM pg_logical_emit_message(true, 'ringfence', '');
            END IF;
            RETURN;
        END IF;
        -- A field is missing, or another record has an id. Caught below, so that nothing stays of this attempt.
        RAISE EXCEPTION 'not all records were stored' USING ERRCODE = 'RF004';
    EXCEPTION WHEN OTHERS THEN
        IF NOT v_is_shared AND SQLSTATE NOT IN ('RF004', 'RF003') AND left(SQLSTATE, 2) NOT IN ('22', '23') THEN
            RAISE;
        ELSIF SQLSTATE = '55P03' THEN
            PERFORM set_config('lock_timeout', '5ms', true);   -- until audit.insert_audit_log_batch() ends
        END IF;
        stored := 0;
    END;

    -- All or none: without a subtransaction for each, which would take a transaction number that VACUUM pays for.
    IF p_first IS NOT NULL THEN
        BEGIN
            FOR v_element IN
                SELECT e.record FROM json_array_elements(p_records) WITH ORDINALITY AS e (record, number) ORDER BY e.number
            LOOP
                v_position := v_position + 1;
                stored := stored + audit.append_audit_log(v_element, v_tenant_id, p_scope)::int;
            END LOOP;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
            RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = v_message, DETAIL = 'record ' || v_position,
                COLUMN = v_column, CONSTRAINT = v_constraint;
        END;
        RETURN;
    END IF;

    refusals := array_fill(NULL::json, ARRAY[total]);
    FOR v_element IN
        SELECT e.record FROM json_array_elements(p_records) WITH ORDINALITY AS e (record, number) ORDER BY e.number
    LOOP
        v_position := v_position + 1;
        -- The records after one that waited for a lock may wait for the same: they get its refusal, so that other requests in the
        -- batch wait once and not once a record.
        IF refusals[v_position - 1] ->> 'sqlstate' = '55P03' THEN
            refusals[v_position] := refusals[v_position - 1];
            CONTINUE;
        END IF;
        BEGIN
            stored := stored + audit.append_audit_log(v_element, v_tenant_id, p_scope)::int;
        EXCEPTION WHEN OTHERS THEN
            IF NOT v_is_shared AND SQLSTATE NOT IN ('RF003', 'RF004') AND left(SQLSTATE, 2) NOT IN ('22', '23') THEN
                RAISE;
            END IF;
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
            refusals[v_position] := json_build_object(
                'sqlstate', SQLSTATE, 'message', v_message, 'column', v_column, 'constraint', v_constraint);
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.append_audit_logs IS
    'Appends a JSON array of records to the transaction''s tenant, for work with this scope: write, import or replay. p_first '
    'NULL: each alone, and refusals has, at the place of each record that is refused, the sqlstate, message, column and '
    'constraint; NULL where the record is stored, now or before. Else all or none: the first that is refused is raised with the '
    'detail "record N", where N counts from p_first. total: how many there are; stored: how many were not there before. RF001 '
    'when no tenant is set, RF006 when the key has not the scope. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.append_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append_audit_logs TO audit_trusted, audit_keyed;
