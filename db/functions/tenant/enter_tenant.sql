-- Proves a tenant with an API key, for the rest of the transaction and at most five seconds.
-- The only way for audit_keyed to see or write anything. It writes no row and takes no transaction number, so that reading costs
-- little and works on a standby: audit.record_api_key_use() notes the use, in a transaction of its own.
--
-- The stored hash never leaves the columns of one query. In a variable or parameter it would become a constant of a plan as soon
-- as an expression fails and is run again, and any session can have its plans printed. The pinned settings are the second line.

CREATE OR REPLACE FUNCTION audit.enter_tenant(p_api_key text, p_tenant_id text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_key record;   -- what is known of it, but no hash
BEGIN
    -- On an older snapshot a key that was revoked meanwhile would open its tenant again and again.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a tenant is entered in a transaction that is READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- rf_<16 hexadecimal digits>_<64 of them>. The length is checked first: a very long text costs no more work.
    IF p_api_key IS NULL OR octet_length(p_api_key) <> 84 OR NOT starts_with(p_api_key, 'rf_')
       OR translate(p_api_key, '0123456789abcdef', '') <> 'r__' OR substr(p_api_key, 20, 1) <> '_' THEN
        RAISE EXCEPTION 'the API key is not valid' USING ERRCODE = 'RF005', DETAIL = 'malformed';
    END IF;

    SELECT k.id, k.tenant_id, array_to_string(k.scopes, ',') AS scopes, k.revoked_at IS NOT NULL AS is_revoked,
           k.expires_at <= clock_timestamp() AS has_expired, coalesce(k.restriction::text, '') AS restriction, s.id::text AS secret_id
    INTO v_key
    FROM audit.api_keys AS k
    JOIN audit.proof_secrets AS s ON s.replaced_at IS NULL
    WHERE k.id = substr(p_api_key, 4, 16) AND k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), 'UTF8'));

    -- Only a caller with the right secret learns whether the key is revoked or expired.
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the API key is not valid' USING ERRCODE = 'RF005', DETAIL = 'unknown';
    ELSIF v_key.is_revoked THEN
        RAISE EXCEPTION 'the API key is not valid' USING ERRCODE = 'RF005', DETAIL = 'revoked: ' || v_key.id;
    ELSIF v_key.has_expired THEN
        RAISE EXCEPTION 'the API key is not valid' USING ERRCODE = 'RF005', DETAIL = 'expired: ' || v_key.id;
    END IF;

    IF p_tenant_id <> v_key.tenant_id THEN
        RAISE EXCEPTION 'the API key belongs to another tenant' USING ERRCODE = 'RF007';
    END IF;

    PERFORM audit.set_proven_tenant(v_key.secret_id, v_key.tenant_id, v_key.scopes, v_key.id, v_key.restriction);
    RETURN v_key.tenant_id;
END
$$;

COMMENT ON FUNCTION audit.enter_tenant IS
    'Checks an API key, sets its tenant, its restriction and the proof of both for this transaction, and returns the tenant. RF005 when the '
    'key opens nothing; the detail says why, for the log alone. RF007 when it opens another tenant than p_tenant_id, where '
    'that is given. 25000 when the transaction is not READ COMMITTED. SECURITY DEFINER: the proof can be trusted '
    'because no run-time role can read the keys and the secret.';
REVOKE ALL ON FUNCTION audit.enter_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.enter_tenant TO audit_keyed;
