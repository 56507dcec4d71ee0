-- One part of an export, ready to be sent, and the state for the next: a second of work or two megabytes, whatever is
-- reached first. Each part is a transaction of its own. A key that is revoked must end the export, and a scan compares the
-- tenant once, when it begins; audit_app has fifteen seconds for a statement; a snapshot that is held for as long as the caller
-- reads keeps VACUUM from its work; and a slow reader must hold neither a connection nor a transaction.

CREATE OR REPLACE FUNCTION audit.export_audit_logs()
RETURNS TABLE (lines bytea, state text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    c_records     CONSTANT int := 1000;      -- of one page
    c_read        CONSTANT int := 4000;      -- for one page, where several filters leave some out
    c_bytes       CONSTANT int := 2097152;   -- of one part, but for its last page: within work_mem, so that nothing goes to the disk
    -- What makes a spreadsheet calculate: tab, LF, CR, + - = @, a byte order mark, and + - = @ in full width.
    c_formula     CONSTANT int[] := ARRAY[9, 10, 13, 43, 45, 61, 64, 65279, 65291, 65293, 65309, 65312];
    c_least       CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_greatest    CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
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
    v_api_key_id  text := v_state ->> 'api_key_id';
    v_context     json := v_state ->> 'context';
    -- As in audit.list_audit_logs(): no record lies outside of these.
    v_from        timestamptz := least(greatest((v_state ->> 'start_time')::timestamptz, '1970-01-01 00:00:00+00'), '10000-01-01 00:00:00+00');
    v_to          timestamptz := greatest(least((v_state ->> 'end_time')::timestamptz, '10000-01-01 00:00:00+00'), '1970-01-01 00:00:00+00');
    v_newest_time timestamptz := v_state ->> 'newest_time';
    v_newest_id   uuid := v_state ->> 'newest_id';
    v_count       bigint := v_state ->> 'count';
    -- A page lies beyond where the one before has ended, up to and including the end of the export.
    v_after_time  timestamptz := v_state ->> 'last_time';
    v_after_id    uuid := v_state ->> 'last_id';
    v_end_time    timestamptz;
    v_end_id      uuid;
    v_newest      audit.listed_audit_log[];
    v_page        audit.listed_audit_log[];
    v_text        text;
    v_bytes       bigint := 0;
    v_until       timestamptz := clock_timestamp() + interval '1 second';
BEGIN
    -- audit_keyed, as in audit.list_audit_logs()
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN
        RETURN QUERY SELECT part.lines, part.state FROM audit.export_proven_audit_logs() AS part;
        RETURN;
    END IF;
    IF v_state IS NULL THEN
        RAISE EXCEPTION 'no export is under way in this transaction' USING ERRCODE = 'RF003', COLUMN = 'state',
            HINT = 'Call audit.begin_export(), and audit.continue_export() with what it returns.';
    END IF;

    IF v_state ->> 'format' = 'evidence' THEN
        RETURN QUERY SELECT part.lines, part.state FROM audit.evidence_part(v_state) AS part;
        RETURN;
    END IF;

    -- Records that arrive meanwhile are left to the next export: with order asc this one might never end otherwise.
    IF NOT v_state ? 'newest_time' THEN
        v_newest := (audit.filtered_page(
            v_tenant_id, NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', c_least, '-infinity', c_least, 1, NULL, 'desc', NULL, NULL)).page;
        v_newest_time := v_newest[1].created_at;
        v_newest_id := v_newest[1].id;
        v_state := v_state || jsonb_build_object('newest_time', v_newest_time, 'newest_id', v_newest_id);
        IF v_is_csv THEN
            lines := convert_to(concat(
                'id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,created_at,',
                E'recorded_at,api_key_id,context\r\n'), 'UTF8');
            state := v_state;
            RETURN NEXT;
        END IF;
    END IF;

    IF v_is_asc THEN
        IF v_after_time IS NULL THEN
            v_after_time := v_from - interval '1 microsecond';
            v_after_id := c_greatest;
        END IF;
        IF v_newest_time >= v_to THEN
            v_end_time := v_to - interval '1 microsecond';
            v_end_id := c_greatest;
        ELSE
            v_end_time := v_newest_time;
            v_end_id := v_newest_id;
        END IF;
    ELSE
        IF v_after_time IS NULL THEN
            v_after_time := v_to;
            v_after_id := c_least;
        END IF;
        v_end_time := v_from;
        v_end_id := c_least;
    END IF;

    LOOP
        -- Ends where it has read enough, so that a page costs the same however few it finds.
        SELECT next.page, next.reached_time, next.reached_id
        INTO v_page, v_after_time, v_after_id
        FROM audit.filtered_page(
            v_tenant_id, v_agent_id, v_trace_id, v_user_id, v_mode, v_status, v_http_status, v_after_time, v_after_id, v_end_time,
            v_end_id, c_records, c_read, CASE WHEN v_is_asc THEN 'asc' ELSE 'desc' END, v_api_key_id, v_context) AS next;

        -- unnest() keeps the order of the page, and nothing stands between it and the aggregate.
        -- CSV is that of RFC 4180, with an apostrophe before text that a spreadsheet would evaluate as a formula. Only the five columns
        -- with text of callers can begin like that.
        IF v_is_csv THEN
            SELECT string_agg(concat(
                l.id, ',',
                '"' || CASE WHEN ascii(l.trace_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.trace_id, '"', '""') || '"', ',',
                l.tenant_id, ',',
                '"' || CASE WHEN ascii(l.agent_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.agent_id, '"', '""') || '"', ',',
                l.mode, ',', l.status, ',', l.http_status, ',', l.latency_ms, ',',
                '"' || CASE WHEN ascii(l.user_id) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.user_id, '"', '""') || '"', ',',
                '"' || CASE WHEN ascii(l.error) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.error, '"', '""') || '"', ',',
                to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',',
                to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ',', l.api_key_id, ',',
                '"' || CASE WHEN ascii(l.context) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.context, '"', '""') || '"', E'\r\n'), '')
            INTO v_text
            FROM unnest(v_page) AS l;
        ELSE
            -- The members of audit.list_audit_logs(). By hand: row_to_json() takes half as long again.
            SELECT string_agg(concat(
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
                ',"created_at":"', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                '","recorded_at":', coalesce('"' || to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
                ',"api_key_id":', coalesce('"' || l.api_key_id || '"', 'null'),
                -- A line break of JSON stands between its parts, never within a text.
                ',"context":', coalesce(translate(l.context, E'\n\r', '  '), 'null'), E'}\n'), '')
            INTO v_text
            FROM unnest(v_page) AS l;
        END IF;
        lines := convert_to(coalesce(v_text, ''), 'UTF8');
        v_bytes := v_bytes + length(lines);
        v_count := v_count + cardinality(v_page);
        EXIT WHEN v_after_time IS NULL;

        state := v_state || jsonb_build_object('last_time', v_after_time, 'last_id', v_after_id, 'count', v_count);
        RETURN NEXT;
        IF v_bytes >= c_bytes OR clock_timestamp() >= v_until THEN
            RETURN;
        END IF;
    END LOOP;

    -- A file without this line is incomplete. It has as many commas as a record, for readers that count columns.
    lines := lines || convert_to(CASE WHEN v_is_csv THEN concat('#complete,', v_count, E',,,,,,,,,,,,\r\n')
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
