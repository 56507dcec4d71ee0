-- The way records are read: one page of the transaction's tenant, as the JSON text that the HTTP caller gets.
-- Keyset pagination over (created_at, id): a page costs the same wherever it lies, and nothing is lost or repeated
-- when records share their time or new ones arrive between two pages.

CREATE OR REPLACE FUNCTION audit.list_audit_logs(
    p_agent_id    text        DEFAULT NULL,
    p_trace_id    text        DEFAULT NULL,
    p_user_id     text        DEFAULT NULL,
    p_mode        text        DEFAULT NULL,
    p_status      text        DEFAULT NULL,
    p_http_status int         DEFAULT NULL,
    p_start_time  timestamptz DEFAULT NULL,
    p_end_time    timestamptz DEFAULT NULL,
    p_limit       int         DEFAULT 50,
    p_cursor      text        DEFAULT NULL,
    p_order       text        DEFAULT 'desc',
    p_api_key_id  text        DEFAULT NULL,
    p_context     json        DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    c_least     CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_greatest  CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_tenant_id text := audit.required_tenant('read');
    v_context   json;
    v_position  text[];
    v_is_ours   boolean;
    -- No record lies outside of these, by audit_logs_created_at_known; a time further out could leave the type's range below.
    v_from      timestamptz := least(greatest(p_start_time, '1970-01-01 00:00:00+00'), '10000-01-01 00:00:00+00');
    v_to        timestamptz := greatest(least(p_end_time, '10000-01-01 00:00:00+00'), '1970-01-01 00:00:00+00');
    -- The page lies beyond one position, up to and including another.
    v_after     timestamptz;
    v_after_id  uuid;
    v_last      timestamptz;
    v_last_id   uuid;
    v_page      audit.listed_audit_log[];
    v_has_more  boolean;
    v_items     text;
BEGIN
    -- audit_keyed has no SELECT: EXPLAIN of a query of its own would count what the policies hide from it.
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN
        RETURN audit.list_proven_audit_logs(
            p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_start_time, p_end_time,
            p_limit, p_cursor, p_order, p_api_key_id, p_context);
    END IF;
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is a number from 1 to 1000' USING ERRCODE = 'RF003', COLUMN = 'limit';
    ELSIF p_order IS NULL OR p_order NOT IN ('asc', 'desc') THEN
        RAISE EXCEPTION 'order is asc or desc' USING ERRCODE = 'RF003', COLUMN = 'order';
    ELSIF p_mode NOT IN ('DRY_RUN', 'LIVE') THEN
        RAISE EXCEPTION 'mode is DRY_RUN or LIVE' USING ERRCODE = 'RF003', COLUMN = 'mode';
    ELSIF p_status NOT IN ('started', 'success', 'error', 'denied') THEN
        RAISE EXCEPTION 'status is started, success, error or denied' USING ERRCODE = 'RF003', COLUMN = 'status';
    END IF;
    IF p_context IS NOT NULL THEN
        v_context := audit.context_filter(p_context);
    END IF;

    IF p_cursor IS NOT NULL THEN
        -- Nothing is cast that could not be. No regular expression: it takes as long as half a page.
        v_position := string_to_array(p_cursor, '-');   -- microseconds, id, digest
        v_is_ours := cardinality(v_position) = 3
            AND length(v_position[1]) BETWEEN 1 AND 18 AND translate(v_position[1], '0123456789', '') = ''
            AND length(v_position[2]) = 32 AND translate(v_position[2], '0123456789abcdef', '') = '';
        IF v_is_ours THEN
            v_is_ours := p_cursor = audit.page_cursor(
                v_position[1]::bigint, v_position[2]::uuid, v_tenant_id, p_order, p_agent_id, p_trace_id, p_user_id,
                p_mode, p_status, p_http_status, p_start_time, p_end_time, p_api_key_id, v_context);
        END IF;
        IF NOT v_is_ours THEN
            RAISE EXCEPTION 'the cursor does not belong to this list'
                USING ERRCODE = 'RF003', COLUMN = 'cursor',
                      HINT = 'Use next_cursor unchanged, with the tenant, filters and order that it came from; '
                          'previous_cursor with the other order.';
        END IF;
        -- In two steps: an interval is multiplied as a double, which does not hold eighteen digits.
        v_after := timestamptz '1970-01-01 00:00:00+00'
            + interval '1 second' * (v_position[1]::bigint / 1000000)
            + interval '1 microsecond' * (v_position[1]::bigint % 1000000);
        v_after_id := v_position[2]::uuid;
    END IF;

    -- The window and the cursor become two positions: of several conditions on one column, an index scan begins at one and passes
    -- over the rows up to the other. A made-up cursor may lie outside of the window.
    IF p_order = 'desc' THEN
        IF v_after IS NULL OR v_after >= v_to THEN
            v_after := v_to;
            v_after_id := c_least;
        END IF;
        v_last := v_from;
        v_last_id := c_least;
    ELSE
        IF v_after IS NULL OR v_after < v_from THEN
            v_after := v_from - interval '1 microsecond';
            v_after_id := c_greatest;
        END IF;
        v_last := v_to - interval '1 microsecond';
        v_last_id := c_greatest;
    END IF;

    -- One more than asked for: that there is a next page is seen, not guessed. A restriction is one more filter.
    IF num_nonnulls(p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_api_key_id, v_context,
                    nullif(current_setting('app.restriction', true), '')) = 0 THEN
        v_page := audit.keyset_page(
            v_tenant_id, NULL, NULL, v_after, v_after_id, v_last, v_last_id, p_limit + 1, p_order);
    ELSE
        v_page := (audit.filtered_page(
            v_tenant_id, p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, v_after, v_after_id, v_last, v_last_id,
            p_limit + 1, NULL, p_order, p_api_key_id, v_context)).page;
    END IF;

    -- A caller that has set an unregistered name must not mistake an empty page for an empty trail.
    IF v_page = '{}' AND NOT EXISTS (SELECT FROM audit.tenants WHERE id = v_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;

    v_has_more := cardinality(v_page) > p_limit;
    IF v_has_more THEN
        v_page := v_page[1:p_limit];
    END IF;

    SELECT string_agg(row_to_json(item)::text, ', ')
    INTO v_items
    FROM (
        SELECT l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id, l.error,
               to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
               to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, l.api_key_id, l.context::json AS context
        FROM unnest(v_page) AS l) AS item;

    RETURN concat(
        '{"count": ', cardinality(v_page),
        ', "items": [', v_items, ']',
        ', "next_cursor": ',
        CASE WHEN v_has_more THEN to_json(audit.page_cursor(
            (extract(epoch FROM v_page[p_limit].created_at) * 1000000)::bigint, v_page[p_limit].id, v_tenant_id, p_order, p_agent_id,
            p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_start_time, p_end_time, p_api_key_id, v_context)) ELSE 'null' END,
        -- The first page has one too: newer records will come before it.
        ', "previous_cursor": ',
        CASE WHEN v_page <> '{}' THEN to_json(audit.page_cursor(
            (extract(epoch FROM v_page[1].created_at) * 1000000)::bigint, v_page[1].id, v_tenant_id,
            CASE p_order WHEN 'desc' THEN 'asc' ELSE 'desc' END, p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status,
            p_start_time, p_end_time, p_api_key_id, v_context)) ELSE 'null' END,
        ', "has_more": ', to_json(v_has_more),
        '}');
END
$$;

COMMENT ON FUNCTION audit.list_audit_logs IS
    'One page of the transaction''s tenant as JSON: count, items, next_cursor, previous_cursor, has_more. Filters are equalities, p_context of '
    'each name that it has, start_time inclusive, end_time exclusive. previous_cursor, with the other order, gives the records before the page, '
    'nearest first. RF001 when no tenant is set or proven, RF002 when it is not registered, RF003 '
    'when an argument is refused, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.list_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_audit_logs TO audit_trusted, audit_keyed;
