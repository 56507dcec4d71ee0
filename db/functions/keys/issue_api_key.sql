-- Issues an API key. What it returns is the only copy: the database keeps a hash, and what signatures of spooled records are
-- checked with.

CREATE OR REPLACE FUNCTION audit.issue_api_key(
    p_tenant_id  text,
    p_label      text,
    p_scopes     text[]      DEFAULT ARRAY['read', 'write'],
    p_expires_at timestamptz DEFAULT NULL)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_id text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
BEGIN
    IF p_expires_at <= now() THEN
        RAISE EXCEPTION 'the key would have expired already' USING ERRCODE = 'RF003', COLUMN = 'expires_at';
    END IF;
    RETURN QUERY SELECT n.api_key FROM audit.store_api_key(v_id, p_tenant_id, p_label, p_scopes, p_expires_at, NULL) AS n (api_key);
    PERFORM audit.record_api_key_event('api key issued', v_id);
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002';
END
$$;

COMMENT ON FUNCTION audit.issue_api_key IS
    'Issues a key for a tenant and returns it, in one row, once and never again. RF002 when the tenant is not registered, RF003 when it '
    'would have expired, 23514 when label or scopes break a rule. SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.issue_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.issue_api_key TO audit_admin;
