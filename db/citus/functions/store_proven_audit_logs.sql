-- audit.store_audit_logs() for audit_keyed, as the owner: Citus refuses to read what another role has written in the same transaction, and a
-- retry is compared as the owner. It also leaves audit_keyed without any privilege on a shard.

CREATE OR REPLACE FUNCTION audit.store_proven_audit_logs(p_records json, p_tenant_id text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    IF audit.required_proven_tenant('write') <> p_tenant_id THEN
        RAISE EXCEPTION 'another tenant is proven' USING ERRCODE = 'RF001';
    END IF;
    RETURN audit.store_audit_logs(p_records, p_tenant_id, 'write');
END
$$;

COMMENT ON FUNCTION audit.store_proven_audit_logs IS
    'Stores a JSON array of records for the tenant that a key with the scope write has proven, as audit.store_audit_logs(). RF001 when none is, '
    'or another. SECURITY DEFINER: what is written is read again as the owner.';
REVOKE ALL ON FUNCTION audit.store_proven_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.store_proven_audit_logs TO audit_keyed;
