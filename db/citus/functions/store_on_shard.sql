-- Stores records as the role that may: audit_keyed through audit.store_proven_audit_logs(), everybody else as on a single server.

CREATE OR REPLACE FUNCTION audit.store_on_shard(p_records json, p_tenant_id text, p_scope text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN
        RETURN audit.store_audit_logs(p_records, p_tenant_id, p_scope);
    END IF;
    RETURN audit.store_proven_audit_logs(p_records, p_tenant_id);
END
$$;

COMMENT ON FUNCTION audit.store_on_shard IS
    'audit.store_audit_logs(), as its caller where that may read records, and as the owner where it may not.';
REVOKE ALL ON FUNCTION audit.store_on_shard FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.store_on_shard TO audit_trusted, audit_keyed;
