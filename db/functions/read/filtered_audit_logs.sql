-- The rows of a page of audit.list_audit_logs() where it has filters. A function of its own, since it is planned for the
-- filters of each call: a plan that serves all of them keeps "filter IS NULL OR ..." and reads the whole tenant.

CREATE OR REPLACE FUNCTION audit.filtered_audit_logs(
    p_tenant_id   text,
    p_agent_id    text,
    p_trace_id    text,
    p_user_id     text,
    p_mode        text,
    p_status      text,
    p_http_status int,
    p_from        timestamptz,
    p_to          timestamptz,
    p_created     timestamptz,
    p_id          uuid,
    p_rows        int,
    p_order       text)
RETURNS audit.audit_logs[]
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    IF p_order = 'desc' THEN
        RETURN ARRAY(
            SELECT l FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND l.created_at >= p_from AND l.created_at < p_to
              AND (p_agent_id IS NULL OR l.agent_id = p_agent_id)
              AND (p_trace_id IS NULL OR l.trace_id = p_trace_id)
              AND (p_user_id IS NULL OR l.user_id = p_user_id)
              AND (p_mode IS NULL OR l.mode = p_mode)
              AND (p_status IS NULL OR l.status = p_status)
              AND (p_http_status IS NULL OR l.http_status = p_http_status)
              AND (l.created_at, l.id) < (p_created, p_id)
            ORDER BY l.created_at DESC, l.id DESC LIMIT p_rows);
    END IF;
    RETURN ARRAY(
        SELECT l FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND l.created_at >= p_from AND l.created_at < p_to
          AND (p_agent_id IS NULL OR l.agent_id = p_agent_id)
          AND (p_trace_id IS NULL OR l.trace_id = p_trace_id)
          AND (p_user_id IS NULL OR l.user_id = p_user_id)
          AND (p_mode IS NULL OR l.mode = p_mode)
          AND (p_status IS NULL OR l.status = p_status)
          AND (p_http_status IS NULL OR l.http_status = p_http_status)
          AND (l.created_at, l.id) > (p_created, p_id)
        ORDER BY l.created_at, l.id LIMIT p_rows);
END
$$;

COMMENT ON FUNCTION audit.filtered_audit_logs IS
    'Rows of one tenant, for audit.list_audit_logs(): created_at from p_from, before p_to, beyond (p_created, p_id) in that '
    'order, each filter an equality or NULL. Runs as its caller; the policies decide what it sees.';
REVOKE ALL ON FUNCTION audit.filtered_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.filtered_audit_logs TO audit_trusted;
