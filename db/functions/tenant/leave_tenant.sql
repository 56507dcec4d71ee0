-- Leaves the tenant that the transaction has entered, for functions that enter one by themselves: the proof they made must not serve their
-- caller's later statements.

CREATE OR REPLACE FUNCTION audit.leave_tenant()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true),
            set_config('app.scope', '', true), set_config('app.restriction', '', true);
END
$$;

COMMENT ON FUNCTION audit.leave_tenant IS
    'Clears app.tenant_id, app.scopes, app.proof, app.scope and app.restriction for this transaction. Nobody but audit_owner and audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.leave_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.leave_tenant TO audit_keeper;
