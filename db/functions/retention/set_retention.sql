-- Says how long the records of a tenant are kept.

CREATE OR REPLACE FUNCTION audit.set_retention(p_tenant_id text, p_live_days int, p_dry_run_days int)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_floor int := (SELECT r.live_floor_days FROM audit.retention_rules AS r);
BEGIN
    IF p_live_days < v_floor THEN
        RAISE EXCEPTION 'LIVE records are kept at least % days', v_floor USING ERRCODE = 'RF003', COLUMN = 'live_days',
            HINT = 'The floor is set by the owner of the database, with audit.set_retention_rules().';
    END IF;
    INSERT INTO audit.retention AS r (tenant_id, live_days, dry_run_days, set_at)
    VALUES (p_tenant_id, p_live_days, p_dry_run_days, now())
    ON CONFLICT ON CONSTRAINT retention_pkey DO UPDATE
    SET live_days = p_live_days, dry_run_days = p_dry_run_days, set_at = now();
    PERFORM audit.record_admin_event('retention set', p_tenant_id, NULL, jsonb_build_object(
        'live_days', p_live_days, 'dry_run_days', p_dry_run_days));
END
$$;

COMMENT ON FUNCTION audit.set_retention IS
    'Sets how many days from created_at the LIVE records of a tenant, and those without a mode, and its DRY_RUN records are kept; NULL: for '
    'ever. RF003 when live_days lies below the floor, 23503 when the tenant is not registered, 23514 when a term is out of range. Records '
    'the act "retention set". SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.set_retention FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.set_retention TO audit_admin;
