-- Says for which tenant the transaction works. For callers that may name their tenant: audit_trusted.
-- The one place that knows how the tenant is set; the policies know how it is read.

CREATE OR REPLACE FUNCTION audit.set_tenant(p_tenant_id text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- true: local to the transaction. A setting of the session would reach the next user of a pooled connection.
    PERFORM set_config('app.tenant_id', coalesce(p_tenant_id, ''), true),
            -- No key has proven it. A proof that an earlier user of a pooled session has left would have records refused.
            set_config('app.proof', '', true),
            -- Nor one of its restriction, by which lists would leave records out.
            set_config('app.restriction', '', true);

    -- Under the policy of audit.tenants the only row to be seen is the tenant's own.
    IF NOT EXISTS (SELECT FROM audit.tenants WHERE id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;
    RETURN p_tenant_id;
END
$$;

COMMENT ON FUNCTION audit.set_tenant IS
    'Sets the tenant for the rest of this transaction and returns it. RF002 when it is not registered.';
REVOKE ALL ON FUNCTION audit.set_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.set_tenant TO audit_trusted;
