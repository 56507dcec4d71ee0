-- Ends what audit.enter_tenant_to_sign() began: the proof must not serve later statements of the transaction.

CREATE OR REPLACE FUNCTION audit.leave_tenant_to_sign()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true),
            set_config('app.scope', '', true);
END
$$;

COMMENT ON FUNCTION audit.leave_tenant_to_sign IS
    'Clears app.tenant_id, app.scopes, app.proof and app.scope. Nobody but audit_owner may call it: the functions of audit_signer.';
REVOKE ALL ON FUNCTION audit.leave_tenant_to_sign FROM PUBLIC;
