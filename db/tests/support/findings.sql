-- pg_temp.findings(): what audit.isolation_report() finds against a rule after a weakening, as the login in tap.login sees it;
-- 'intact' when it finds nothing. The exception undoes the weakening.

CREATE FUNCTION pg_temp.findings(p_rule text, p_weakening text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_findings text;
BEGIN
    EXECUTE p_weakening;
    PERFORM set_config('session_authorization', current_setting('tap.login'), true);
    SELECT r.findings INTO STRICT v_findings FROM audit.isolation_report() AS r
    WHERE r.rule = p_rule AND r.intact = (r.findings IS NULL);
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = coalesce(v_findings, 'intact');
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    RETURN SQLERRM;
END
$$;
