-- The tenant that a call works for, or the reason why it has none: what every function that a caller reaches asks first. It
-- tells the caller why; what is seen and written is decided by the policies.

CREATE OR REPLACE FUNCTION audit.required_tenant(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.tenant_id', true);
    v_scopes    text := coalesce(current_setting('app.scopes', true), '');   -- of a key, where a key proved the tenant
BEGIN
    -- '' is what an ended SET LOCAL leaves behind: no tenant, like NULL.
    IF coalesce(v_tenant_id, '') = '' THEN
        RAISE EXCEPTION 'no tenant is set for this transaction'
            USING ERRCODE = 'RF001', HINT = 'Call audit.set_tenant() or audit.enter_tenant() first, in the same transaction.';
    END IF;
    IF v_scopes <> '' AND p_scope <> ALL (string_to_array(v_scopes, ',')) THEN
        RAISE EXCEPTION 'the API key has not the scope %', p_scope USING ERRCODE = 'RF006';
    END IF;
    RETURN v_tenant_id;
END
$$;

COMMENT ON FUNCTION audit.required_tenant IS
    'The tenant that is set for this transaction, for work that needs this scope. RF001 when none is set, RF006 when the key that '
    'proved it has not the scope. It proves nothing: a name that was set by hand is returned like any other.';
REVOKE ALL ON FUNCTION audit.required_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.required_tenant TO audit_trusted, audit_keyed;
