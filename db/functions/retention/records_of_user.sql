-- The next records of a person in a tenant: a page of all its records is read, and those that name the person are given.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.records_of_user(
    p_tenant_id text, p_user_id text, p_after_time timestamptz, p_after_id uuid, p_limit int,
    OUT p_ids uuid[], OUT p_time timestamptz, OUT p_id uuid)
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
DECLARE
    v_count int;
BEGIN
    SELECT coalesce(array_agg(d.id) FILTER (WHERE d.user_id = p_user_id OR d.context ->> 'approver' = p_user_id), '{}'), count(*),
           (array_agg(d.created_at ORDER BY d.created_at DESC, d.id DESC))[1], (array_agg(d.id ORDER BY d.created_at DESC, d.id DESC))[1]
    INTO p_ids, v_count, p_time, p_id
    FROM (
        SELECT l.id, l.created_at, l.user_id, l.context FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND (l.created_at, l.id) > (p_after_time, p_after_id)
        ORDER BY l.created_at NULLS FIRST, l.id NULLS FIRST LIMIT p_limit) AS d;
    IF v_count < p_limit THEN
        p_time := NULL;
        p_id := NULL;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.records_of_user IS
    'p_ids: those of the next p_limit records of the tenant that is proven with the scope keep, in the order of (created_at, id), that have this '
    'user_id or approver. p_time, p_id: the last of the page; NULL: no record comes after it. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.records_of_user FROM PUBLIC;
SET ROLE audit_owner;
