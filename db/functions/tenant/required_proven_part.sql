-- The tenant of which a key has proven the whole or a part, for the functions that list, get and export records as the owner, whose policies
-- leave out what the key does not show. All others ask audit.required_proven_tenant(), which refuses a key that shows a part.

CREATE OR REPLACE FUNCTION audit.required_proven_part(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := coalesce(audit.proven_tenant(p_scope), audit.proven_restricted_tenant(p_scope));
BEGIN
    IF v_tenant_id IS NULL THEN
        RAISE EXCEPTION 'no tenant is proven for this statement' USING ERRCODE = 'RF001',
            HINT = 'Call audit.enter_tenant() in the same transaction, at most five seconds before.';
    END IF;
    RETURN v_tenant_id;
END
$$;

COMMENT ON FUNCTION audit.required_proven_part IS
    'The tenant that a key with this scope has proven for this transaction, be it one that shows a part of the tenant. RF001 when none has. '
    'Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.required_proven_part FROM PUBLIC;
