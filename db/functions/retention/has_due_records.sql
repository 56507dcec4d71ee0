-- Whether a tenant has a record whose term has ended: asked before its tree is locked, since most have none.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.has_due_records(p_tenant_id text, p_live_days int, p_dry_run_days int)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
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
    -- In hours, as in audit.prune_tenant(), which says why.
    v_live    timestamptz := now() - make_interval(hours => 24 * p_live_days);
    v_dry_run timestamptz := now() - make_interval(hours => 24 * p_dry_run_days);
BEGIN
    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    RETURN EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'DRY_RUN' AND l.created_at < v_dry_run)
        OR EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'LIVE' AND l.created_at < v_live)
        OR EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode IS NULL AND l.created_at < v_live);
END
$$;

COMMENT ON FUNCTION audit.has_due_records IS
    'Whether a record of the tenant is older than its term, sealed or held or not; it enters the tenant. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.has_due_records FROM PUBLIC;
SET ROLE audit_owner;
