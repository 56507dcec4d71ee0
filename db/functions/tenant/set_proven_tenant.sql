-- Sets the transaction's tenant with a proof of it. Only functions that have checked the caller's right to the tenant call it: a
-- role that could call it could act as any tenant.

CREATE OR REPLACE FUNCTION audit.set_proven_tenant(
    p_secret_id   text,
    p_tenant_id   text,
    p_scopes      text,
    p_api_key_id  text,
    p_restriction text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_entered text := extract(epoch FROM clock_timestamp())::text;
BEGIN
    -- No part of app.proof can contain the separator. audit.proven_tenant() computes the same proof again.
    PERFORM set_config('app.tenant_id', p_tenant_id, true),
            set_config('app.scopes', p_scopes, true),
            set_config('app.restriction', p_restriction, true),
            set_config('app.proof', concat_ws(':', p_secret_id, p_api_key_id, v_entered, audit.tenant_proof(
                p_secret_id, p_tenant_id, p_scopes, p_api_key_id, p_restriction, v_entered)), true);
END
$$;

COMMENT ON FUNCTION audit.set_proven_tenant IS
    'Sets app.tenant_id, app.scopes, app.restriction (empty: the whole tenant) and app.proof, made with the secret of that id, for this '
    'transaction. It writes no row and takes no transaction number. Nobody but audit_owner may call it: audit.enter_tenant() and audit.replay_audit_logs(), once they have '
    'checked the tenant.';
REVOKE ALL ON FUNCTION audit.set_proven_tenant FROM PUBLIC;
