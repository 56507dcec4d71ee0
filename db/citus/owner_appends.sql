-- A policy that a single server does not need: audit.store_proven_audit_logs() appends as the owner. In a block, since Citus hands on the text of
-- a statement, which must hold one alone. So audit_keyed needs no INSERT, which no shard would let it use: an attempt fails here.
DO $$
BEGIN
    REVOKE INSERT ON audit.audit_logs FROM audit_keyed;
    DROP POLICY IF EXISTS owner_appends_to_proven_tenant ON audit.audit_logs;
    CREATE POLICY owner_appends_to_proven_tenant ON audit.audit_logs
        FOR INSERT TO audit_owner
        WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND concat(tenant_id, ':', api_key_id) = audit.proven_writer('write'));
    COMMENT ON POLICY owner_appends_to_proven_tenant ON audit.audit_logs IS
        'For audit.store_proven_audit_logs(), with a key of the scope write. Without its caller''s proof the owner appends nothing.';
END
$$;
