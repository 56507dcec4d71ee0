-- Lists the administrative acts on every tenant, for administrators: only they may read acts that concern no single tenant.

CREATE OR REPLACE FUNCTION audit.list_all_admin_events(
    p_tenant_id  text        DEFAULT NULL,
    p_act        text        DEFAULT NULL,
    p_api_key_id text        DEFAULT NULL,
    p_start_time timestamptz DEFAULT NULL,
    p_end_time   timestamptz DEFAULT NULL,
    p_limit      int         DEFAULT 50,
    p_cursor     text        DEFAULT NULL,
    p_order      text        DEFAULT 'desc')
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    -- What the owner's policy asks for.
    PERFORM set_config('app.scope', 'administer', true);
    RETURN audit.admin_events_page(p_tenant_id, p_act, p_api_key_id, p_start_time, p_end_time, p_limit, p_cursor, p_order);
END
$$;

COMMENT ON FUNCTION audit.list_all_admin_events IS
    'One page of the administrative acts on one tenant, or on all and on none, as JSON: count, items, next_cursor, has_more. RF002 '
    'when the tenant is not registered, RF003 when an argument is refused. SECURITY DEFINER: audit_admin works through functions '
    'and has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.list_all_admin_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_all_admin_events TO audit_admin;
