-- The API keys, for administrators: everything but the hash.

CREATE OR REPLACE FUNCTION audit.list_api_keys(p_tenant_id text DEFAULT NULL)
RETURNS TABLE (
    id text, tenant_id text, label text, scopes text[], status text,
    created_at timestamptz, expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, restriction json)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
    SELECT k.id, k.tenant_id, k.label, k.scopes,
           CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired' ELSE 'valid' END,
           k.created_at, k.expires_at, k.revoked_at, u.last_used_at, k.restriction
    FROM audit.api_keys AS k
    JOIN audit.api_key_uses AS u ON u.api_key_id = k.id
    WHERE p_tenant_id IS NULL OR k.tenant_id = p_tenant_id
    ORDER BY k.tenant_id, k.created_at, k.id
$$;

COMMENT ON FUNCTION audit.list_api_keys IS
    'Every key, or those of one tenant, without their hashes. SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.list_api_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_api_keys TO audit_admin;
