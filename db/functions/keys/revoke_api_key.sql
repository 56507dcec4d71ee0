-- Ends an API key for good: no transaction begins with it any more, and one that has begun loses it within five seconds.

CREATE OR REPLACE FUNCTION audit.revoke_api_key(p_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    UPDATE audit.api_keys AS k SET revoked_at = now() WHERE k.id = p_id AND k.revoked_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no key of this id is left to revoke' USING ERRCODE = 'RF003', COLUMN = 'id';
    END IF;
    PERFORM audit.record_api_key_event('api key revoked', p_id);
END
$$;

COMMENT ON FUNCTION audit.revoke_api_key IS
    'Revokes a key. RF003 when there is none of this id, or it is revoked already. SECURITY DEFINER: audit_admin has no '
    'privilege on any table.';
REVOKE ALL ON FUNCTION audit.revoke_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.revoke_api_key TO audit_admin;
