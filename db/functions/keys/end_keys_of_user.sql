-- Ends the keys and links whose restriction names a person that is being erased, and takes the name out. They show nothing any more, and
-- the name is personal. What has taken its place opens nothing: the key is revoked in the same statement, as is the link.

CREATE OR REPLACE FUNCTION audit.end_keys_of_user(p_tenant_id text, p_user_id text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_found record;   -- what was named, and whether it had ended
    v_ended int := 0;
BEGIN
    FOR v_found IN
        SELECT k.id, k.revoked_at IS NULL AS is_open FROM audit.api_keys AS k
        WHERE k.tenant_id = p_tenant_id AND k.restriction ->> 'user_id' = p_user_id
        ORDER BY k.id FOR UPDATE
    LOOP
        UPDATE audit.api_keys AS k
        SET revoked_at = coalesce(k.revoked_at, now()), restriction = k.restriction::jsonb || '{"user_id": "erased"}'
        WHERE k.id = v_found.id;
        IF v_found.is_open THEN
            PERFORM audit.record_api_key_event('api key revoked', v_found.id);
        END IF;
        v_ended := v_ended + 1;
    END LOOP;
    FOR v_found IN
        SELECT l.id, num_nonnulls(l.opened_at, l.revoked_at) = 0 AS is_open FROM audit.view_links AS l
        WHERE l.tenant_id = p_tenant_id AND l.restriction ->> 'user_id' = p_user_id
        ORDER BY l.id FOR UPDATE
    LOOP
        UPDATE audit.view_links AS l
        SET revoked_at = CASE WHEN l.opened_at IS NULL THEN coalesce(l.revoked_at, now()) END,
            restriction = l.restriction::jsonb || '{"user_id": "erased"}'
        WHERE l.id = v_found.id;
        IF v_found.is_open THEN
            PERFORM audit.record_view_link_event('view link revoked', v_found.id);
        END IF;
        v_ended := v_ended + 1;
    END LOOP;
    RETURN v_ended;
END
$$;

COMMENT ON FUNCTION audit.end_keys_of_user IS
    'Revokes the keys and the unopened view links of a tenant whose restriction names this user, writes "erased" in place of the name, in '
    'those that had ended too, and returns how many there were. Nobody but audit_owner and audit_keeper may call it. SECURITY DEFINER: '
    'audit_keeper has no privilege on keys and links.';
REVOKE ALL ON FUNCTION audit.end_keys_of_user FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.end_keys_of_user TO audit_keeper;
