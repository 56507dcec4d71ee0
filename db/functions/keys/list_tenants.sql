-- The register of tenants, for administrators.

CREATE OR REPLACE FUNCTION audit.list_tenants()
RETURNS TABLE (id text, name text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
    SELECT t.id, t.name, t.created_at FROM audit.tenants AS t ORDER BY t.id
$$;

COMMENT ON FUNCTION audit.list_tenants IS
    'Every tenant. SECURITY DEFINER: audit_admin works through functions and has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.list_tenants FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_tenants TO audit_admin;
