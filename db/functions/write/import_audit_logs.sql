-- Records from elsewhere that keep their time. No run-time role may write created_at, so this runs as the owner, whose policy
-- demands of every row that the caller has proven its tenant with a key of the scope import.

CREATE OR REPLACE FUNCTION audit.import_audit_logs(p_records json, p_first int DEFAULT 1)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_tenant_id  text;
    v_api_key_id text := audit.proven_api_key();
    v_count      int  := json_array_length(p_records);
    v_stored     int  := 0;
    v_element    json;
    v_id         uuid;
    v_position   int  := p_first - 1;
    v_message    text;
    v_column     text;
    v_constraint text;
BEGIN
    PERFORM audit.required_tenant('import');   -- tells a key of another scope
    v_tenant_id := audit.required_proven_tenant('import');
    -- A session may have been left with less by whoever used it before. COMMIT must mean that the records are on the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    BEGIN
        INSERT INTO audit.audit_logs
            (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at)
        SELECT coalesce(r.id, audit.uuid_v7()), r.trace_id, v_tenant_id, r.agent_id, r.mode, r.status, r.http_status,
               r.latency_ms, r.user_id, r.error, r.created_at
        FROM json_to_recordset(p_records) AS r (
            id uuid, trace_id text, agent_id text, mode text, status text, http_status int, latency_ms int, user_id text,
            error text, created_at timestamptz)
        WHERE r.created_at IS NOT NULL
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS v_stored = ROW_COUNT;
        IF v_stored = v_count THEN
            IF v_stored > 0 THEN
                PERFORM audit.record_admin_event('records imported', v_tenant_id, v_api_key_id, jsonb_build_object('count', v_stored));
            END IF;
            PERFORM set_config('app.newly_imported', v_stored::text, true);   -- for audit.import_history()
            RETURN v_count;
        END IF;
        -- A time is missing, or an id is taken. Caught below, so that nothing stays of this attempt.
        RAISE EXCEPTION 'not all records were stored' USING ERRCODE = 'RF004';
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE <> 'RF004' AND left(SQLSTATE, 2) NOT IN ('22', '23') THEN
            RAISE;
        END IF;
        v_stored := 0;
    END;

    -- One by one, in their order, to name the first that is refused. What the owner's policy for reading asks for.
    PERFORM set_config('app.scope', 'import', true);
    BEGIN
        FOR v_element IN
            SELECT e.record FROM json_array_elements(p_records) WITH ORDINALITY AS e (record, number) ORDER BY e.number
        LOOP
            v_position := v_position + 1;
            IF v_element ->> 'created_at' IS NULL THEN
                RAISE EXCEPTION 'an imported record has the time it was made' USING ERRCODE = 'RF003', COLUMN = 'created_at';
            END IF;
            v_id := coalesce((v_element ->> 'id')::uuid, audit.uuid_v7());
            INSERT INTO audit.audit_logs
                (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at)
            SELECT v_id, r.trace_id, v_tenant_id, r.agent_id, r.mode, r.status, r.http_status, r.latency_ms, r.user_id,
                   r.error, r.created_at
            FROM json_to_record(v_element) AS r (
                trace_id text, agent_id text, mode text, status text, http_status int, latency_ms int, user_id text,
                error text, created_at timestamptz)
            ON CONFLICT DO NOTHING;
            -- The very same record is there already, and that is success; see audit.insert_audit_log().
            IF FOUND THEN
                v_stored := v_stored + 1;
            ELSIF NOT EXISTS (
                SELECT FROM audit.audit_logs AS l
                CROSS JOIN json_to_record(v_element) AS r (
                    trace_id text, agent_id text, mode text, status text, http_status int, latency_ms int, user_id text,
                    error text, created_at timestamptz)
                WHERE l.id = v_id
                  AND l.tenant_id = v_tenant_id
                  AND (l.agent_id, l.mode, l.status, l.trace_id, l.http_status, l.latency_ms, l.user_id, l.error, l.created_at)
                      IS NOT DISTINCT FROM
                      (r.agent_id, r.mode, r.status, r.trace_id, r.http_status, r.latency_ms, r.user_id, r.error, r.created_at))
            THEN
                RAISE EXCEPTION 'the id belongs to another record' USING ERRCODE = 'RF004', COLUMN = 'id';
            END IF;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = v_message, DETAIL = 'record ' || v_position,
            COLUMN = v_column, CONSTRAINT = v_constraint;
    END;
    IF v_stored > 0 THEN
        PERFORM audit.record_admin_event('records imported', v_tenant_id, v_api_key_id, jsonb_build_object('count', v_stored));
    END IF;
    PERFORM set_config('app.newly_imported', v_stored::text, true);
    RETURN v_count;
END
$$;

COMMENT ON FUNCTION audit.import_audit_logs IS
    'Appends records with their own created_at to the tenant that a key with the scope import has proven, all or none, and '
    'returns how many. A JSON array as for audit.insert_audit_logs(), with created_at in every object; mode and status may be '
    'unknown. Refusals have the detail "record N", where N counts from p_first: RF003 without created_at, RF004 when the id '
    'belongs to another record, and those of the table. RF001 when no tenant is proven, RF006 when the key may not import. '
    'Repeating a call with the same ids and contents changes nothing. Records the act "records imported" with the key and how many were '
    'new: an event a call, and so several for a long request, which share their time. Events are append-only and no trigger may act '
    'at COMMIT, so that no event could count a whole transaction and not be believed from the caller. SECURITY DEFINER: no run-time role may choose a record''s '
    'time, so that a record without this scope has the server''s.';
REVOKE ALL ON FUNCTION audit.import_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.import_audit_logs TO audit_keyed;
