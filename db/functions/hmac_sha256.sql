-- HMAC with SHA-256 (RFC 2104), which PostgreSQL brings only in an extension.

CREATE OR REPLACE FUNCTION audit.hmac_sha256(p_key bytea, p_message bytea)
RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- A block of 64 bytes, the key and then zeros. Assignments alone: a query would have the key as a constant of its plan,
    -- which any session can have printed (debug_print_plan).
    v_inner bytea := p_key || decode(repeat('00', 64 - length(p_key)), 'hex');
    v_outer bytea := v_inner;
BEGIN
    FOR v_place IN 0..63 LOOP
        v_inner := set_byte(v_inner, v_place, get_byte(v_inner, v_place) # 54);   -- 0x36
        v_outer := set_byte(v_outer, v_place, get_byte(v_outer, v_place) # 92);   -- 0x5c
    END LOOP;
    RETURN sha256(v_outer || sha256(v_inner || p_message));
END
$$;

COMMENT ON FUNCTION audit.hmac_sha256 IS
    'The 32 bytes of the HMAC-SHA-256 of a message under a key of at most 64 bytes. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.hmac_sha256 FROM PUBLIC;
