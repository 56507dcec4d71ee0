-- Enters a tenant under a scope that no key has, for the functions of the signer: it may see any tenant's tree, and no record.
-- They leave it with audit.leave_tenant(); an error undoes it.

CREATE OR REPLACE FUNCTION audit.enter_tenant_to_sign(p_tenant_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM audit.set_proven_tenant(s.id::text, p_tenant_id, 'sign', '', '') FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL;
    -- What the owner's policies ask for.
    PERFORM set_config('app.scope', 'sign', true);
END
$$;

COMMENT ON FUNCTION audit.enter_tenant_to_sign IS
    'Proves the tenant for this transaction with the scope sign, which no key has. Nobody but audit_owner may call it: the functions of '
    'audit_signer.';
REVOKE ALL ON FUNCTION audit.enter_tenant_to_sign FROM PUBLIC;
