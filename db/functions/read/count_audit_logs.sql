-- How many records a list would have, and of which kinds, as JSON text: over its newest 1,000, so that a count costs what a page of that
-- many costs. With several filters it may read 1,000 rows by each of them, and says how far back it came.

CREATE OR REPLACE FUNCTION audit.count_audit_logs(
    p_agent_id    text        DEFAULT NULL,
    p_trace_id    text        DEFAULT NULL,
    p_user_id     text        DEFAULT NULL,
    p_mode        text        DEFAULT NULL,
    p_status      text        DEFAULT NULL,
    p_http_status int         DEFAULT NULL,
    p_start_time  timestamptz DEFAULT NULL,
    p_end_time    timestamptz DEFAULT NULL,
    p_api_key_id  text        DEFAULT NULL,
    p_context     json        DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    c_least     CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_most      CONSTANT int  := 1000;
    v_tenant_id text := audit.required_tenant('read');
    v_context   json;
    -- As in audit.list_audit_logs(): no record lies outside of these.
    v_from      timestamptz := least(greatest(p_start_time, '1970-01-01 00:00:00+00'), '10000-01-01 00:00:00+00');
    v_to        timestamptz := greatest(least(p_end_time, '10000-01-01 00:00:00+00'), '1970-01-01 00:00:00+00');
    v_page      audit.listed_audit_log[];
    -- How far back it came, where it has left records out; else NULL.
    v_reached   timestamptz;
    v_answer    text;
BEGIN
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.count_proven_audit_logs(
            p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_start_time, p_end_time, p_api_key_id, p_context);
    END IF;
    IF p_mode NOT IN ('DRY_RUN', 'LIVE') THEN
        RAISE EXCEPTION 'mode is DRY_RUN or LIVE' USING ERRCODE = 'RF003', COLUMN = 'mode';
    ELSIF p_status NOT IN ('started', 'success', 'error', 'denied') THEN
        RAISE EXCEPTION 'status is started, success, error or denied' USING ERRCODE = 'RF003', COLUMN = 'status';
    END IF;
    IF p_context IS NOT NULL THEN
        v_context := audit.context_filter(p_context);
    END IF;

    -- One more than is counted: that there are more is seen, not guessed. A restriction is one more filter.
    IF num_nonnulls(p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_api_key_id, v_context,
                    nullif(current_setting('app.restriction', true), '')) = 0 THEN
        v_page := audit.keyset_page(v_tenant_id, NULL, NULL, v_to, c_least, v_from, c_least, c_most + 1, 'desc');
    ELSE
        SELECT f.page, f.reached_time INTO v_page, v_reached
        FROM audit.filtered_page(
            v_tenant_id, p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, v_to, c_least, v_from, c_least,
            c_most + 1, c_most * greatest(num_nonnulls(p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status), 1),
            'desc', p_api_key_id, v_context) AS f;
    END IF;

    -- A caller that has set an unregistered name must not mistake it for an empty trail.
    IF v_page = '{}' AND NOT EXISTS (SELECT FROM audit.tenants WHERE id = v_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;

    IF cardinality(v_page) > c_most THEN
        v_page := v_page[1:c_most];
        v_reached := v_page[c_most].created_at;
    END IF;

    SELECT row_to_json(answer)::text
    INTO v_answer
    FROM (
        SELECT count(*) AS count,
               v_reached IS NULL AS is_complete,
               to_char(coalesce(v_reached, min(l.created_at)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "from",
               json_build_object(
                   'started', count(*) FILTER (WHERE l.status = 'started'), 'success', count(*) FILTER (WHERE l.status = 'success'),
                   'error', count(*) FILTER (WHERE l.status = 'error'), 'denied', count(*) FILTER (WHERE l.status = 'denied')) AS statuses,
               json_build_object(
                   'DRY_RUN', count(*) FILTER (WHERE l.mode = 'DRY_RUN'), 'LIVE', count(*) FILTER (WHERE l.mode = 'LIVE')) AS modes,
               (SELECT coalesce(json_agg(a ORDER BY a.count DESC, a.agent_id COLLATE "C"), '[]')
                FROM (SELECT r.agent_id, count(*) AS count, count(*) FILTER (WHERE r.status = 'error') AS error,
                             count(*) FILTER (WHERE r.status = 'denied') AS denied
                      FROM unnest(v_page) AS r
                      GROUP BY r.agent_id ORDER BY count(*) DESC, r.agent_id COLLATE "C" LIMIT 20) AS a) AS agents
        FROM unnest(v_page) AS l) AS answer;
    RETURN v_answer;
END
$$;

COMMENT ON FUNCTION audit.count_audit_logs IS
    'How many records of the transaction''s tenant the filters of audit.list_audit_logs() find, as JSON: count, is_complete, from, statuses, '
    'modes, and the 20 agents with most of them, with their failures and refusals. The newest 1,000 are counted at most: where is_complete is false there may be more before '
    'from; otherwise from is the time of the first, null where there is none. Records without status or mode are in count alone. With several '
    'filters 1,000 rows are read by each, and fewer may be found. RF001 when no tenant is set or proven, RF002 when it is not registered, '
    'RF003 when an argument is refused, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.count_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.count_audit_logs TO audit_trusted, audit_keyed;
