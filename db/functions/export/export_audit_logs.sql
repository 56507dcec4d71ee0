-- One part of an export, ready to be sent, and the state for the next: a second of work or two megabytes, whatever is
-- reached first. Each part is a transaction of its own. A key that is revoked must end the export, and a scan compares the
-- tenant once, when it begins; audit_app has fifteen seconds for a statement; a snapshot that is held for as long as the caller
-- reads keeps VACUUM from its work; and a slow reader must hold neither a connection nor a transaction.

CREATE OR REPLACE FUNCTION audit.export_audit_logs()
RETURNS TABLE (lines bytea, state text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Planned for the filters of this very export: a generic plan keeps "filter IS NULL OR ..." and reads the whole tenant.
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    c_records     CONSTANT int := 1000;      -- of one page
    c_bytes       CONSTANT int := 2097152;   -- of one part, but for its last page: within work_mem, so that nothing goes to the disk
    -- What makes a spreadsheet calculate: tab, LF, CR, + - = @, a byte order mark, and + - = @ in full width.
    c_formula     CONSTANT int[] := ARRAY[9, 10, 13, 43, 45, 61, 64, 65279, 65291, 65293, 65309, 65312];
    v_tenant_id   text := audit.required_tenant('read');
    v_state       jsonb := nullif(current_setting('app.export', true), '')::jsonb;
    v_is_csv      boolean := v_state ->> 'format' = 'csv';
    v_is_asc      boolean := v_state ->> 'order' = 'asc';
    v_agent_id    text := v_state ->> 'agent_id';
    v_trace_id    text := v_state ->> 'trace_id';
    v_user_id     text := v_state ->> 'user_id';
    v_mode        text := v_state ->> 'mode';
    v_status      text := v_state ->> 'status';
    v_http_status int := v_state ->> 'http_status';
    v_start_time  timestamptz := v_state ->> 'start_time';
    v_end_time    timestamptz := v_state ->> 'end_time';
    v_newest_time timestamptz := v_state ->> 'newest_time';
    v_newest_id   uuid := v_state ->> 'newest_id';
    v_last_time   timestamptz := v_state ->> 'last_time';
    v_last_id     uuid := v_state ->> 'last_id';
    v_count       bigint := v_state ->> 'count';
    v_page        audit.audit_logs[];
    v_found       bigint;
    v_text        text;
    v_bytes       bigint := 0;
    v_until       timestamptz := clock_timestamp() + interval '1 second';
BEGIN
    -- audit_keyed, as in audit.list_audit_logs()
    IF NOT has_table_privilege('audit.audit_logs', 'SELECT') THEN
        RETURN QUERY SELECT part.lines, part.state FROM audit.export_proven_audit_logs() AS part;
        RETURN;
    END IF;
    IF v_state IS NULL THEN
        RAISE EXCEPTION 'no export is under way in this transaction' USING ERRCODE = 'RF003', COLUMN = 'state',
            HINT = 'Call audit.begin_export(), and audit.continue_export() with what it returns.';
    END IF;

    -- Records that arrive meanwhile are left to the next export: with order asc this one might never end otherwise.
    IF NOT v_state ? 'newest_time' THEN
        SELECT l.created_at, l.id INTO v_newest_time, v_newest_id
        FROM audit.audit_logs AS l
        WHERE l.tenant_id = v_tenant_id
        ORDER BY l.created_at DESC, l.id DESC LIMIT 1;
        v_state := v_state || jsonb_build_object('newest_time', v_newest_time, 'newest_id', v_newest_id);
        IF v_is_csv THEN
            lines := convert_to(E'id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,created_at\r\n', 'UTF8');
            state := v_state;
            RETURN NEXT;
        END IF;
    END IF;

    LOOP
        -- The filters that an index serves choose the page; the others are looked at record by record below, so that a page
        -- costs the same however few it finds. Two statements, since an index is read in one direction or the other.
        IF v_is_asc THEN
            v_page := ARRAY(
                SELECT l FROM audit.audit_logs AS l
                WHERE l.tenant_id = v_tenant_id
                  AND (v_agent_id IS NULL OR l.agent_id = v_agent_id)
                  AND (v_trace_id IS NULL OR l.trace_id = v_trace_id)
                  AND (v_start_time IS NULL OR l.created_at >= v_start_time)
                  AND (v_end_time IS NULL OR l.created_at < v_end_time)
                  AND (l.created_at, l.id) <= (v_newest_time, v_newest_id)
                  AND (v_last_time IS NULL OR (l.created_at, l.id) > (v_last_time, v_last_id))
                ORDER BY l.created_at, l.id LIMIT c_records);
        ELSE
            v_page := ARRAY(
                SELECT l FROM audit.audit_logs AS l
                WHERE l.tenant_id = v_tenant_id
                  AND (v_agent_id IS NULL OR l.agent_id = v_agent_id)
                  AND (v_trace_id IS NULL OR l.trace_id = v_trace_id)
                  AND (v_start_time IS NULL OR l.created_at >= v_start_time)
                  AND (v_end_time IS NULL OR l.created_at < v_end_time)
                  AND (v_last_time IS NULL OR (l.created_at, l.id) < (v_last_time, v_last_id))
                ORDER BY l.created_at DESC, l.id DESC LIMIT c_records);
        END IF;

        -- unnest() keeps the order of the page, and nothing stands between it and the aggregate.
        -- CSV is that of RFC 4180, with an apostrophe before text that a spreadsheet would evaluate as a formula. Only the four columns
        -- with text of callers can begin like that.
        IF v_is_csv THEN
            SELECT count(*), string_agg(concat(
                l.id, ',',
                '"' || CASE WHEN ascii(l.trace_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.trace_id, '"', '""') || '"', ',',
                l.tenant_id, ',',
                '"' || CASE WHEN ascii(l.agent_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.agent_id, '"', '""') || '"', ',',
                l.mode, ',', l.status, ',', l.http_status, ',', l.latency_ms, ',',
                '"' || CASE WHEN ascii(l.user_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.user_id, '"', '""') || '"', ',',
                '"' || CASE WHEN ascii(l.error) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.error, '"', '""') || '"', ',',
                to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), E'\r\n'), '')
            INTO v_found, v_text
            FROM unnest(v_page) AS l
            WHERE (v_user_id IS NULL OR l.user_id = v_user_id)
              AND (v_mode IS NULL OR l.mode = v_mode)
              AND (v_status IS NULL OR l.status = v_status)
              AND (v_http_status IS NULL OR l.http_status = v_http_status);
        ELSE
            -- The members of audit.list_audit_logs(). By hand: row_to_json() takes half as long again.
            SELECT count(*), string_agg(concat(
                '{"id":"', l.id,
                '","trace_id":', coalesce(to_json(l.trace_id)::text, 'null'),
                ',"tenant_id":"', l.tenant_id,
                '","agent_id":', to_json(l.agent_id),
                ',"mode":', coalesce(to_json(l.mode)::text, 'null'),
                ',"status":', coalesce(to_json(l.status)::text, 'null'),
                ',"http_status":', coalesce(l.http_status::text, 'null'),
                ',"latency_ms":', coalesce(l.latency_ms::text, 'null'),
                ',"user_id":', coalesce(to_json(l.user_id)::text, 'null'),
                ',"error":', coalesce(to_json(l.error)::text, 'null'),
                ',"created_at":"', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), E'"}\n'), '')
            INTO v_found, v_text
            FROM unnest(v_page) AS l
            WHERE (v_user_id IS NULL OR l.user_id = v_user_id)
              AND (v_mode IS NULL OR l.mode = v_mode)
              AND (v_status IS NULL OR l.status = v_status)
              AND (v_http_status IS NULL OR l.http_status = v_http_status);
        END IF;
        lines := convert_to(coalesce(v_text, ''), 'UTF8');
        v_bytes := v_bytes + length(lines);
        v_count := v_count + v_found;
        EXIT WHEN cardinality(v_page) < c_records;

        v_last_time := v_page[c_records].created_at;
        v_last_id := v_page[c_records].id;
        state := v_state || jsonb_build_object('last_time', v_last_time, 'last_id', v_last_id, 'count', v_count);
        RETURN NEXT;
        IF v_bytes >= c_bytes OR clock_timestamp() >= v_until THEN
            RETURN;
        END IF;
    END LOOP;

    -- A file without this line is incomplete. It has as many commas as a record, for readers that count columns.
    lines := lines || convert_to(CASE WHEN v_is_csv THEN concat('#complete,', v_count, E',,,,,,,,,\r\n')
                                      ELSE concat('{"complete": true, "count": ', v_count, E'}\n') END, 'UTF8');
    state := NULL;
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION audit.export_audit_logs IS
    'The next part of the export that audit.continue_export() has set, of the transaction''s tenant, in UTF-8. state: where the '
    'lines beside it end; NULL: they are the last, and the export is complete. For COPY (SELECT lines, state FROM '
    'audit.export_audit_logs()) TO STDOUT (FORMAT binary), which changes no byte. RF001 when no tenant is set or proven, RF003 '
    'when no export is under way, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.export_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.export_audit_logs TO audit_trusted, audit_keyed;
