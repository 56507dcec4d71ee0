-- Releases a legal hold for which another login has asked. Two logins, so that no administrator alone lets records go.

CREATE OR REPLACE FUNCTION audit.confirm_release(p_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_hold record;
BEGIN
    SELECT h.tenant_id, h.release_asked_by INTO v_hold
    FROM audit.legal_holds AS h WHERE h.id = p_id AND h.released_at IS NULL AND h.release_asked_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no release of a hold of this id waits to be confirmed' USING ERRCODE = 'RF003', COLUMN = 'id';
    ELSIF v_hold.release_asked_by = session_user THEN
        RAISE EXCEPTION 'a release is confirmed by another login than the one that asked' USING ERRCODE = 'RF006';
    END IF;
    UPDATE audit.legal_holds AS h SET released_by = session_user, released_at = now() WHERE h.id = p_id;
    PERFORM audit.record_admin_event('hold released', v_hold.tenant_id, NULL, jsonb_build_object('hold', p_id));
END
$$;

COMMENT ON FUNCTION audit.confirm_release IS
    'Confirms the release of a legal hold that another login asked for; the hold ends. RF003 when no release of this id waits, RF006 when the '
    'caller asked itself. Records the act "hold released". SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.confirm_release FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.confirm_release TO audit_admin;
