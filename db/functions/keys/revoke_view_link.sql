-- Ends a view link that nobody has opened yet.

CREATE OR REPLACE FUNCTION audit.revoke_view_link(p_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    UPDATE audit.view_links AS l SET revoked_at = clock_timestamp() WHERE l.id = p_id AND l.opened_at IS NULL AND l.revoked_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no link of this id is left to revoke; a key that it opened is revoked as a key' USING ERRCODE = 'RF003', COLUMN = 'id',
            HINT = 'audit.list_view_links() names the key; audit.revoke_api_key() ends it.';
    END IF;
    PERFORM audit.record_view_link_event('view link revoked', p_id);
END
$$;

COMMENT ON FUNCTION audit.revoke_view_link IS
    'Revokes a view link. RF003 when there is none of this id, or it was opened or revoked before: the key that it opened is for '
    'audit.revoke_api_key(). SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.revoke_view_link FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.revoke_view_link TO audit_admin;
