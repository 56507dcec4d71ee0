-- audit.count_audit_logs() for audit_keyed, which has no SELECT on the table: as the owner, whose policy demands the proof.

CREATE OR REPLACE FUNCTION audit.count_proven_audit_logs(
    p_agent_id    text,
    p_trace_id    text,
    p_user_id     text,
    p_mode        text,
    p_status      text,
    p_http_status int,
    p_start_time  timestamptz,
    p_end_time    timestamptz,
    p_api_key_id  text,
    p_context     json)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    PERFORM audit.required_proven_part('read');
    -- What the owner's policy asks for.
    PERFORM set_config('app.scope', 'read', true);
    RETURN audit.count_audit_logs(
        p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status, p_start_time, p_end_time, p_api_key_id, p_context);
END
$$;

COMMENT ON FUNCTION audit.count_proven_audit_logs IS
    'What audit.count_audit_logs() does for a role that must prove its tenant. RF001 when it has not. SECURITY '
    'DEFINER: a role that may query the table learns from the plans of its queries how many rows of others they met.';
REVOKE ALL ON FUNCTION audit.count_proven_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.count_proven_audit_logs TO audit_keyed;
