-- Issues an API key. What it returns is the only copy: the database keeps a hash.

CREATE OR REPLACE FUNCTION audit.issue_api_key(
    p_tenant_id  text,
    p_label      text,
    p_scopes     text[]      DEFAULT ARRAY['read', 'write'],
    p_expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Each UUID brings 122 bits from the server's strong random source; the hash spreads them over 256.
    v_id     text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
    v_secret text := encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                   || uuid_send(gen_random_uuid())), 'hex');
BEGIN
    IF p_expires_at <= now() THEN
        RAISE EXCEPTION 'the key would have expired already' USING ERRCODE = 'RF003', COLUMN = 'expires_at';
    END IF;
    INSERT INTO audit.api_keys (id, tenant_id, label, scopes, secret_sha256, created_at, expires_at)
    VALUES (v_id, p_tenant_id, p_label,
            (SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(p_scopes) AS s),
            sha256(convert_to(v_secret, 'UTF8')), now(), p_expires_at);
    INSERT INTO audit.api_key_uses (api_key_id) VALUES (v_id);
    PERFORM audit.record_api_key_event('api key issued', v_id);
    RETURN concat_ws('_', 'rf', v_id, v_secret);
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002';
END
$$;

COMMENT ON FUNCTION audit.issue_api_key IS
    'Issues a key for a tenant and returns it, once and never again. RF002 when the tenant is not registered, RF003 when it '
    'would have expired, 23514 when label or scopes break a rule. SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.issue_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.issue_api_key TO audit_admin;
