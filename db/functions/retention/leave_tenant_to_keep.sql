-- Leaves the tenant that audit.enter_tenant_to_keep() has entered: its proof must not serve the caller's later statements.

CREATE OR REPLACE FUNCTION audit.leave_tenant_to_keep()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true),
            set_config('app.scope', '', true);
END
$$;

COMMENT ON FUNCTION audit.leave_tenant_to_keep IS
    'Leaves the tenant of this transaction. Nobody but audit_owner and audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.leave_tenant_to_keep FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.leave_tenant_to_keep TO audit_keeper;
