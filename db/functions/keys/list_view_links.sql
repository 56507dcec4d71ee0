-- The view links, for administrators: everything but the hash.

CREATE OR REPLACE FUNCTION audit.list_view_links(p_tenant_id text DEFAULT NULL)
RETURNS TABLE (
    id text, tenant_id text, label text, restriction json, status text, created_at timestamptz, expires_at timestamptz, key_seconds int,
    opened_at timestamptz, api_key_id text, revoked_at timestamptz, refused int)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
    SELECT l.id, l.tenant_id, l.label, l.restriction,
           CASE WHEN l.opened_at IS NOT NULL THEN 'opened' WHEN l.revoked_at IS NOT NULL THEN 'revoked'
                WHEN l.expires_at <= now() THEN 'expired' ELSE 'valid' END,
           l.created_at, l.expires_at, l.key_seconds, l.opened_at, l.api_key_id, l.revoked_at, l.refused
    FROM audit.view_links AS l
    WHERE p_tenant_id IS NULL OR l.tenant_id = p_tenant_id
    ORDER BY l.tenant_id, l.created_at, l.id
$$;

COMMENT ON FUNCTION audit.list_view_links IS
    'Every view link, or those of one tenant, without the hashes of their tokens. status: valid, opened, revoked or expired. SECURITY '
    'DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.list_view_links FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_view_links TO audit_admin;
