-- audit.is_repeated() for audit_keyed, which has no SELECT on the table: as the owner, whose policy demands the proof.

CREATE OR REPLACE FUNCTION audit.is_stored(
    p_id          uuid,
    p_agent_id    text,
    p_mode        text,
    p_status      text,
    p_trace_id    text,
    p_http_status int,
    p_latency_ms  int,
    p_user_id     text,
    p_error       text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    RETURN audit.is_repeated(ROW(p_id, p_trace_id, p_agent_id, p_mode, p_status, p_http_status, p_latency_ms, p_user_id, p_error,
                                 NULL)::audit.new_audit_log, 'write');
END
$$;

COMMENT ON FUNCTION audit.is_stored IS
    'Whether the proven tenant has exactly this record; every field must be named right, so it tells nothing that the caller '
    'does not know. SECURITY DEFINER: a key that may only write sees no record.';
REVOKE ALL ON FUNCTION audit.is_stored FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.is_stored TO audit_keyed;
