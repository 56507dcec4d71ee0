-- The terms of every tenant that has any, and when a prune last looked at it.

CREATE OR REPLACE FUNCTION audit.list_retention(p_tenant_id text DEFAULT NULL)
RETURNS TABLE (tenant_id text, live_days int, dry_run_days int, set_at timestamptz, pruned_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_floor int := (SELECT r.live_floor_days FROM audit.retention_rules AS r);
BEGIN
    RETURN QUERY
    -- A floor that was raised since the term was set holds all the same.
    SELECT r.tenant_id, CASE WHEN r.live_days IS NOT NULL THEN greatest(r.live_days, v_floor) END, r.dry_run_days, r.set_at, r.pruned_at
    FROM audit.retention AS r
    WHERE p_tenant_id IS NULL OR r.tenant_id = p_tenant_id
    ORDER BY r.pruned_at NULLS FIRST, r.tenant_id;
END
$$;

COMMENT ON FUNCTION audit.list_retention IS
    'The terms of a tenant, or of each, in days; NULL: for ever. live_days: never below the floor. pruned_at: when audit.prune_records() last '
    'looked at it; the one that waits longest comes first. SECURITY DEFINER: its callers have no privilege on the table.';
REVOKE ALL ON FUNCTION audit.list_retention FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_retention TO audit_admin, audit_retention, audit_keeper;
