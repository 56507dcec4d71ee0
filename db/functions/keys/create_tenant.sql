-- Registers a tenant. The only way to add one.

CREATE OR REPLACE FUNCTION audit.create_tenant(p_id text, p_name text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    INSERT INTO audit.tenants (id, name, created_at) VALUES (p_id, p_name, now());
    PERFORM audit.record_admin_event('tenant created', p_id, NULL, jsonb_build_object('name', p_name));
    RETURN p_id;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'a tenant of this id is registered already' USING ERRCODE = 'unique_violation', CONSTRAINT = 'tenants_pkey';
END
$$;

COMMENT ON FUNCTION audit.create_tenant IS
    'Registers a tenant and returns its id. 23505 when it exists, 23514 when the id or the name breaks a rule. '
    'SECURITY DEFINER: audit_admin works through functions and has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.create_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.create_tenant TO audit_admin;
