-- The next rows of a list of administrative events: of one tenant or of all, with a filter or none. Each kind of list has a statement
-- an index and an order of its own, so that a page costs its rows; audit.keyset_page() says why. Here there are three orders, for lists
-- that compare no column, one, or two: with default places for NULLs, of which there are none; with NULLS LAST for the time; and for both.

CREATE OR REPLACE FUNCTION audit.admin_events_keyset_page(
    p_tenant_id  text,
    p_act        text,
    p_api_key_id text,
    p_after_time timestamptz,
    p_after_id   uuid,
    p_last_time  timestamptz,
    p_last_id    uuid,
    p_rows       int,
    p_order      text)
RETURNS audit.admin_events[]
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    -- With a key and an act, the events of the key are read: one for each hour in which it was used, and few others.
    IF p_order = 'desc' AND p_tenant_id IS NOT NULL THEN
        IF p_api_key_id IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.tenant_id = p_tenant_id AND e.api_key_id = p_api_key_id
                  AND (p_act IS NULL OR e.act = p_act)
                  AND (e.created_at, e.id) < (p_after_time, p_after_id)
                  AND (e.created_at, e.id) >= (p_last_time, p_last_id)
                ORDER BY e.created_at DESC NULLS LAST, e.id DESC NULLS LAST LIMIT p_rows);
        ELSIF p_act IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.tenant_id = p_tenant_id AND e.act = p_act
                  AND (e.created_at, e.id) < (p_after_time, p_after_id)
                  AND (e.created_at, e.id) >= (p_last_time, p_last_id)
                ORDER BY e.created_at DESC NULLS LAST, e.id DESC NULLS LAST LIMIT p_rows);
        END IF;
        RETURN ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE e.tenant_id = p_tenant_id
              AND (e.created_at, e.id) < (p_after_time, p_after_id)
              AND (e.created_at, e.id) >= (p_last_time, p_last_id)
            ORDER BY e.created_at DESC NULLS LAST, e.id DESC LIMIT p_rows);
    ELSIF p_order = 'desc' AND p_tenant_id IS NULL THEN
        IF p_api_key_id IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.api_key_id = p_api_key_id
                  AND (p_act IS NULL OR e.act = p_act)
                  AND (e.created_at, e.id) < (p_after_time, p_after_id)
                  AND (e.created_at, e.id) >= (p_last_time, p_last_id)
                ORDER BY e.created_at DESC NULLS LAST, e.id DESC LIMIT p_rows);
        ELSIF p_act IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.act = p_act
                  AND (e.created_at, e.id) < (p_after_time, p_after_id)
                  AND (e.created_at, e.id) >= (p_last_time, p_last_id)
                ORDER BY e.created_at DESC NULLS LAST, e.id DESC LIMIT p_rows);
        END IF;
        RETURN ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE (e.created_at, e.id) < (p_after_time, p_after_id)
              AND (e.created_at, e.id) >= (p_last_time, p_last_id)
            ORDER BY e.created_at DESC, e.id DESC LIMIT p_rows);
    ELSIF p_order = 'asc' AND p_tenant_id IS NOT NULL THEN
        IF p_api_key_id IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.tenant_id = p_tenant_id AND e.api_key_id = p_api_key_id
                  AND (p_act IS NULL OR e.act = p_act)
                  AND (e.created_at, e.id) > (p_after_time, p_after_id)
                  AND (e.created_at, e.id) <= (p_last_time, p_last_id)
                ORDER BY e.created_at NULLS FIRST, e.id NULLS FIRST LIMIT p_rows);
        ELSIF p_act IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.tenant_id = p_tenant_id AND e.act = p_act
                  AND (e.created_at, e.id) > (p_after_time, p_after_id)
                  AND (e.created_at, e.id) <= (p_last_time, p_last_id)
                ORDER BY e.created_at NULLS FIRST, e.id NULLS FIRST LIMIT p_rows);
        END IF;
        RETURN ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE e.tenant_id = p_tenant_id
              AND (e.created_at, e.id) > (p_after_time, p_after_id)
              AND (e.created_at, e.id) <= (p_last_time, p_last_id)
            ORDER BY e.created_at NULLS FIRST, e.id LIMIT p_rows);
    ELSE
        IF p_api_key_id IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.api_key_id = p_api_key_id
                  AND (p_act IS NULL OR e.act = p_act)
                  AND (e.created_at, e.id) > (p_after_time, p_after_id)
                  AND (e.created_at, e.id) <= (p_last_time, p_last_id)
                ORDER BY e.created_at NULLS FIRST, e.id LIMIT p_rows);
        ELSIF p_act IS NOT NULL THEN
            RETURN ARRAY(
                SELECT e FROM audit.admin_events AS e
                WHERE e.act = p_act
                  AND (e.created_at, e.id) > (p_after_time, p_after_id)
                  AND (e.created_at, e.id) <= (p_last_time, p_last_id)
                ORDER BY e.created_at NULLS FIRST, e.id LIMIT p_rows);
        END IF;
        RETURN ARRAY(
            SELECT e FROM audit.admin_events AS e
            WHERE (e.created_at, e.id) > (p_after_time, p_after_id)
              AND (e.created_at, e.id) <= (p_last_time, p_last_id)
            ORDER BY e.created_at, e.id LIMIT p_rows);
    END IF;
END
$$;

COMMENT ON FUNCTION audit.admin_events_keyset_page IS
    'The next p_rows events of one tenant (NULL: of every tenant, and of none) in the order (created_at, id), beyond (p_after_time, '
    'p_after_id), up to and including (p_last_time, p_last_id), with this act and this key, where they are not NULL. Runs as its '
    'caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.admin_events_keyset_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.admin_events_keyset_page TO audit_trusted;
