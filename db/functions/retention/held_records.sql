-- Which of these records a legal hold keeps. The one place that says what a hold matches.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.held_records(p_tenant_id text, p_ids uuid[])
RETURNS uuid[]
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
    IF NOT EXISTS (SELECT FROM audit.legal_holds AS h WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT l.id
        FROM unnest(p_ids) AS given (id)
        CROSS JOIN LATERAL (
            SELECT r.id, r.user_id, r.agent_id, r.trace_id, r.created_at, r.context FROM audit.audit_logs AS r
            WHERE r.id = given.id AND r.tenant_id = p_tenant_id OFFSET 0) AS l
        WHERE EXISTS (
            SELECT FROM audit.legal_holds AS h
            WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL
              AND (h.user_id IS NULL OR h.user_id = l.user_id OR h.user_id = l.context ->> 'approver')
              AND (h.agent_id IS NULL OR h.agent_id = l.agent_id)
              AND (h.trace_id IS NULL OR h.trace_id = l.trace_id)
              AND (h.start_time IS NULL OR h.start_time <= l.created_at)
              AND (h.end_time IS NULL OR h.end_time > l.created_at)));
END
$$;

COMMENT ON FUNCTION audit.held_records IS
    'Those of these records of the tenant that is proven with the scope keep that a hold keeps. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.held_records FROM PUBLIC;
SET ROLE audit_owner;
