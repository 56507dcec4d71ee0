-- Returns what the service needs to accept records with an API key while the database is unavailable, and to say what a key shows.

CREATE OR REPLACE FUNCTION audit.describe_api_key(p_api_key text)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    -- Refuses a key that opens nothing, so that nobody learns of a key that they do not hold.
    PERFORM audit.enter_tenant(p_api_key);
    RETURN (
        SELECT json_build_object('tenant_id', k.tenant_id, 'scopes', k.scopes, 'expires_at', k.expires_at,
                                 'spool_key_source', k.spool_key_source, 'restriction', k.restriction)
        FROM audit.api_keys AS k
        WHERE k.id = split_part(p_api_key, '_', 2));
END
$$;

COMMENT ON FUNCTION audit.describe_api_key IS
    'The tenant_id, scopes, expires_at and restriction of an API key, as JSON, and as spool_key_source what the signatures of its spooled '
    'records are derived from; expires_at is null where it never does, restriction where it shows the whole tenant. Refuses as '
    'audit.enter_tenant() does. SECURITY DEFINER: no run-time role reads the keys.';
REVOKE ALL ON FUNCTION audit.describe_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.describe_api_key TO audit_keyed;
