-- Which leaves a page of a time window's records has: the next step of the search that an evidence bundle of a window begins with. The
-- order of leaves is that of transactions, not of created_at, so the window's records say which leaves are its first and last.

CREATE OR REPLACE FUNCTION audit.leaves_in_window(
    p_tenant_id text, p_after_time timestamptz, p_after_id uuid, p_last_time timestamptz, p_last_id uuid, p_rows int,
    OUT leaves jsonb, OUT reached_time timestamptz, OUT reached_id uuid)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    WITH page AS MATERIALIZED (
        SELECT l.created_at, l.id
        FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id
          AND (l.created_at, l.id) > (p_after_time, p_after_id)
          AND (l.created_at, l.id) <= (p_last_time, p_last_id)
        ORDER BY l.created_at, l.id LIMIT p_rows
    ),
    found AS (
        SELECT s.epoch, min(s.leaf_index) AS first, max(s.leaf_index) AS last
        FROM page AS p
        -- OFFSET 0: down the index for each, not through all leaves.
        CROSS JOIN LATERAL (
            SELECT l.epoch, l.leaf_index FROM audit.seals AS l
            WHERE l.tenant_id = p_tenant_id AND l.record_id = p.id OFFSET 0) AS s
        GROUP BY s.epoch
    )
    -- A page that is not full is the last.
    SELECT (SELECT jsonb_object_agg(f.epoch, jsonb_build_array(f.first, f.last)) FROM found AS f),
           (SELECT p.created_at FROM page AS p OFFSET p_rows - 1), (SELECT p.id FROM page AS p OFFSET p_rows - 1)
    INTO leaves, reached_time, reached_id;
END
$$;

COMMENT ON FUNCTION audit.leaves_in_window IS
    'Of the next p_rows records in the order (created_at, id), beyond (p_after_time, p_after_id), up to and including (p_last_time, p_last_id): '
    'leaves: an object of the first and last leaf in each epoch, NULL when none is sealed; reached_time, reached_id: where the next page '
    'begins, NULL when there is none. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.leaves_in_window FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.leaves_in_window TO audit_trusted;
