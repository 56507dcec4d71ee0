-- One page of administrative events as JSON text, for the functions that know whose: audit.list_admin_events() and
-- audit.list_all_admin_events(). Keyset pagination over (created_at, id), as in audit.list_audit_logs().

CREATE OR REPLACE FUNCTION audit.admin_events_page(
    p_tenant_id  text,
    p_act        text,
    p_api_key_id text,
    p_start_time timestamptz,
    p_end_time   timestamptz,
    p_limit      int,
    p_cursor     text,
    p_order      text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Planned for the filters of each call: a plan that serves all of them keeps "filter IS NULL OR ..." and reads every event.
SET plan_cache_mode = force_custom_plan
-- Every list has an index in its order. Without statistics, or with stale ones, reading all events and sorting them looks cheaper.
SET enable_sort = off
AS $$
DECLARE
    v_position text[];
    v_is_ours  boolean;
    -- Where the page starts, and the times it lies between. No event is at the ends.
    v_created  timestamptz := CASE p_order WHEN 'asc' THEN '-infinity' ELSE 'infinity' END;
    v_id       uuid        := '00000000-0000-0000-0000-000000000000';
    v_from     timestamptz := coalesce(p_start_time, '-infinity');
    v_to       timestamptz := coalesce(p_end_time, 'infinity');
    v_page     audit.admin_events[];
    v_last     audit.admin_events;
    v_has_more boolean;
    v_items    text;
BEGIN
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is a number from 1 to 1000' USING ERRCODE = 'RF003', COLUMN = 'limit';
    ELSIF p_order IS NULL OR p_order NOT IN ('asc', 'desc') THEN
        RAISE EXCEPTION 'order is asc or desc' USING ERRCODE = 'RF003', COLUMN = 'order';
    ELSIF p_act NOT IN (
        'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
        'records replayed', 'records imported', 'records read') THEN
        RAISE EXCEPTION 'act is none that is recorded' USING ERRCODE = 'RF003', COLUMN = 'act';
    END IF;

    IF p_cursor IS NOT NULL THEN
        -- Nothing is cast that could not be.
        v_position := string_to_array(p_cursor, '-');   -- microseconds, id, digest
        v_is_ours := cardinality(v_position) = 3
            AND length(v_position[1]) BETWEEN 1 AND 18 AND translate(v_position[1], '0123456789', '') = ''
            AND length(v_position[2]) = 32 AND translate(v_position[2], '0123456789abcdef', '') = '';
        IF v_is_ours THEN
            v_is_ours := p_cursor = audit.admin_events_cursor(
                v_position[1]::bigint, v_position[2]::uuid, p_tenant_id, p_act, p_api_key_id, p_start_time, p_end_time, p_order);
        END IF;
        IF NOT v_is_ours THEN
            RAISE EXCEPTION 'the cursor does not belong to this list'
                USING ERRCODE = 'RF003', COLUMN = 'cursor',
                      HINT = 'Use next_cursor unchanged, with the tenant, filters and order that it came from.';
        END IF;
        -- In two steps: an interval is multiplied as a double, which does not hold eighteen digits.
        v_created := timestamptz '1970-01-01 00:00:00+00'
            + interval '1 second' * (v_position[1]::bigint / 1000000)
            + interval '1 microsecond' * (v_position[1]::bigint % 1000000);
        v_id := v_position[2]::uuid;
    END IF;

    -- One more than asked for: that there is a next page is seen, not guessed. Two statements, since an index is read in one
    -- direction or the other.
    IF p_order = 'desc' THEN
        v_page := ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE (p_tenant_id IS NULL OR e.tenant_id = p_tenant_id)
              AND (p_act IS NULL OR e.act = p_act)
              AND (p_api_key_id IS NULL OR e.api_key_id = p_api_key_id)
              AND e.created_at >= v_from AND e.created_at < v_to
              AND (e.created_at, e.id) < (v_created, v_id)
            ORDER BY e.created_at DESC, e.id DESC LIMIT p_limit + 1);
    ELSE
        v_page := ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE (p_tenant_id IS NULL OR e.tenant_id = p_tenant_id)
              AND (p_act IS NULL OR e.act = p_act)
              AND (p_api_key_id IS NULL OR e.api_key_id = p_api_key_id)
              AND e.created_at >= v_from AND e.created_at < v_to
              AND (e.created_at, e.id) > (v_created, v_id)
            ORDER BY e.created_at, e.id LIMIT p_limit + 1);
    END IF;

    -- An unregistered tenant is refused: an empty page would say that it has no events.
    IF v_page = '{}' AND p_tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM audit.tenants WHERE id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;

    v_has_more := cardinality(v_page) > p_limit;
    IF v_has_more THEN
        v_page := v_page[1:p_limit];
        v_last := v_page[p_limit];
    END IF;

    SELECT string_agg(row_to_json(item)::text, ', ')
    INTO v_items
    FROM (
        SELECT e.id, e.tenant_id, e.act, e.api_key_id, e.actor,
               to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at, e.detail
        FROM unnest(v_page) AS e) AS item;

    RETURN concat(
        '{"count": ', cardinality(v_page),
        ', "items": [', v_items, ']',
        ', "next_cursor": ',
        CASE WHEN v_has_more THEN to_json(audit.admin_events_cursor(
            (extract(epoch FROM v_last.created_at) * 1000000)::bigint, v_last.id, p_tenant_id, p_act, p_api_key_id, p_start_time,
            p_end_time, p_order)) ELSE 'null' END,
        ', "has_more": ', to_json(v_has_more),
        '}');
END
$$;

COMMENT ON FUNCTION audit.admin_events_page IS
    'One page of events as JSON: count, items, next_cursor, has_more. p_tenant_id NULL: of every tenant, and of none. Filters are '
    'equalities, start_time inclusive, end_time exclusive. RF002 when the tenant is not registered, RF003 when an argument is '
    'refused. Runs as its caller; the policies decide what it sees.';
REVOKE ALL ON FUNCTION audit.admin_events_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.admin_events_page TO audit_trusted;
