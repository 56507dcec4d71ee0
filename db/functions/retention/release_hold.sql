-- Releases a legal hold; where the operator has turned that on, asks for the release, which another login confirms.

CREATE OR REPLACE FUNCTION audit.release_hold(p_id uuid, p_reason text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_by_two boolean := (SELECT r.release_by_two FROM audit.retention_rules AS r);
    v_hold   record;
BEGIN
    SELECT h.tenant_id, h.release_asked_by INTO v_hold FROM audit.legal_holds AS h WHERE h.id = p_id AND h.released_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no hold of this id is left to release' USING ERRCODE = 'RF003', COLUMN = 'id';
    ELSIF p_reason IS NULL THEN
        RAISE EXCEPTION 'a release has a reason' USING ERRCODE = 'RF003', COLUMN = 'reason';
    ELSIF v_by_two AND v_hold.release_asked_by <> session_user THEN
        -- The reason must not change between the time at which the second login reads it and its confirmation.
        RAISE EXCEPTION 'another login has asked for the release already' USING ERRCODE = 'RF003', COLUMN = 'id',
            HINT = 'Confirm it with audit.confirm_release().';
    END IF;
    UPDATE audit.legal_holds AS h
    SET release_asked_by = CASE WHEN v_by_two THEN session_user ELSE h.release_asked_by END,
        release_asked_at = CASE WHEN v_by_two THEN now() ELSE h.release_asked_at END,
        released_by      = CASE WHEN NOT v_by_two THEN session_user END,
        released_at      = CASE WHEN NOT v_by_two THEN now() END,
        release_reason   = p_reason
    WHERE h.id = p_id;
    PERFORM audit.record_admin_event(CASE WHEN v_by_two THEN 'hold release asked' ELSE 'hold released' END, v_hold.tenant_id, NULL,
                                     jsonb_build_object('hold', p_id));
    RETURN CASE WHEN v_by_two THEN 'release asked' ELSE 'released' END;
END
$$;

COMMENT ON FUNCTION audit.release_hold IS
    'Releases a legal hold: released. Where two logins are needed it asks for that: release asked, and audit.confirm_release() by '
    'another login releases it; the login that asked may ask again, with another reason. RF003 when no hold of this id is left, when another login has '
    'asked already, or without a reason, 23514 '
    'when the reason is too long. Records the act "hold released" or "hold release asked". SECURITY DEFINER: audit_admin has no '
    'privilege on any table.';
REVOKE ALL ON FUNCTION audit.release_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.release_hold TO audit_admin;
