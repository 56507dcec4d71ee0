-- Replaces an API key by a new one of the same tenant, label, scopes, restriction and lifetime; both open the tenant for a while.

CREATE OR REPLACE FUNCTION audit.rotate_api_key(p_id text, p_overlap interval DEFAULT '24 hours')
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_old record;   -- what is known of it, but no hash
    v_id  text := left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 16);
BEGIN
    IF p_overlap IS NULL OR p_overlap NOT BETWEEN interval '0' AND interval '90 days' THEN
        RAISE EXCEPTION 'the overlap is at most 90 days' USING ERRCODE = 'RF003', COLUMN = 'overlap';
    END IF;
    SELECT k.tenant_id, k.label, k.scopes, k.restriction, k.created_at, k.expires_at, k.revoked_at, k.replaced_by INTO v_old
    FROM audit.api_keys AS k WHERE k.id = p_id FOR UPDATE;
    IF NOT FOUND OR v_old.revoked_at IS NOT NULL OR v_old.expires_at <= now() THEN
        RAISE EXCEPTION 'no key of this id is valid' USING ERRCODE = 'RF003', COLUMN = 'id';
    END IF;
    -- Rotation has shortened its life: a second successor would inherit that. Revoke the first, if it got lost.
    IF v_old.replaced_by IS NOT NULL THEN
        RAISE EXCEPTION 'the key was rotated before; its successor is %', v_old.replaced_by
            USING ERRCODE = 'RF003', COLUMN = 'id';
    END IF;
    -- A key that was to live for ninety days is replaced by one that does; NULL, for ever, stays NULL.
    RETURN QUERY
        SELECT n.api_key FROM audit.store_api_key(
            v_id, v_old.tenant_id, v_old.label, v_old.scopes, now() + (v_old.expires_at - v_old.created_at), v_old.restriction) AS n (api_key);
    UPDATE audit.api_keys AS k SET expires_at = least(k.expires_at, now() + p_overlap), replaced_by = v_id WHERE k.id = p_id;
    PERFORM audit.record_api_key_event('api key issued', v_id);
    PERFORM audit.record_api_key_event('api key rotated', p_id);
END
$$;

COMMENT ON FUNCTION audit.rotate_api_key IS
    'Returns a new key, in one row, once and never again; the old one expires after the overlap. RF003 when there is no valid key of '
    'this id, or it was rotated before. SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.rotate_api_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.rotate_api_key TO audit_admin;
