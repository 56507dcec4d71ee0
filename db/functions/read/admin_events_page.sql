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
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    c_least    CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_greatest CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_position text[];
    v_is_ours  boolean;
    -- No event is older than the first migration; a time further out could leave the type's range below.
    v_from     timestamptz := least(greatest(p_start_time, '1970-01-01 00:00:00+00'), '10000-01-01 00:00:00+00');
    v_to       timestamptz := greatest(least(p_end_time, '10000-01-01 00:00:00+00'), '1970-01-01 00:00:00+00');
    v_after    timestamptz;
    v_after_id uuid;
    v_page     audit.admin_events[];
    v_has_more boolean;
    v_items    text;
BEGIN
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is a number from 1 to 1000' USING ERRCODE = 'RF003', COLUMN = 'limit';
    ELSIF p_order IS NULL OR p_order NOT IN ('asc', 'desc') THEN
        RAISE EXCEPTION 'order is asc or desc' USING ERRCODE = 'RF003', COLUMN = 'order';
    ELSIF p_act NOT IN (
        'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
        'records replayed', 'records imported', 'records read', 'epoch begun', 'retention set', 'retention rules set', 'hold placed',
        'hold release asked', 'hold released', 'records pruned', 'person erased', 'record erased', 'view link issued', 'view link opened',
        'view link refused', 'view link revoked') THEN
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
        v_after := timestamptz '1970-01-01 00:00:00+00'
            + interval '1 second' * (v_position[1]::bigint / 1000000)
            + interval '1 microsecond' * (v_position[1]::bigint % 1000000);
        v_after_id := v_position[2]::uuid;
    END IF;

    -- One more than asked for: that there is a next page is seen, not guessed. The window and the cursor become two positions, as in
    -- audit.list_audit_logs().
    IF p_order = 'desc' THEN
        IF v_after IS NULL OR v_after >= v_to THEN
            v_after := v_to;
            v_after_id := c_least;
        END IF;
        v_page := audit.admin_events_keyset_page(
            p_tenant_id, p_act, p_api_key_id, v_after, v_after_id, v_from, c_least, p_limit + 1, p_order);
    ELSE
        IF v_after IS NULL OR v_after < v_from THEN
            v_after := v_from - interval '1 microsecond';
            v_after_id := c_greatest;
        END IF;
        v_page := audit.admin_events_keyset_page(
            p_tenant_id, p_act, p_api_key_id, v_after, v_after_id, v_to - interval '1 microsecond', c_greatest, p_limit + 1, p_order);
    END IF;

    -- An unregistered tenant is refused: an empty page would say that it has no events.
    IF v_page = '{}' AND p_tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM audit.tenants WHERE id = p_tenant_id) THEN
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
        SELECT e.id, e.tenant_id, e.act, e.api_key_id, e.actor,
               to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at, e.detail
        FROM unnest(v_page) AS e) AS item;

    RETURN concat(
        '{"count": ', cardinality(v_page),
        ', "items": [', v_items, ']',
        ', "next_cursor": ',
        CASE WHEN v_has_more THEN to_json(audit.admin_events_cursor(
            (extract(epoch FROM v_page[p_limit].created_at) * 1000000)::bigint, v_page[p_limit].id, p_tenant_id, p_act,
            p_api_key_id, p_start_time, p_end_time, p_order)) ELSE 'null' END,
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
