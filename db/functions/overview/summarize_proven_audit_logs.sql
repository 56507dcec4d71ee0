-- audit.summarize_audit_logs() for audit_keyed, which has no SELECT on the tables: as the owner, whose policies demand the proof.

CREATE OR REPLACE FUNCTION audit.summarize_proven_audit_logs(p_hours int)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    PERFORM audit.required_proven_tenant('read');
    -- What the owner's policies ask for.
    PERFORM set_config('app.scope', 'read', true);
    RETURN audit.summarize_audit_logs(p_hours);
END
$$;

COMMENT ON FUNCTION audit.summarize_proven_audit_logs IS
    'What audit.summarize_audit_logs() does for a role that must prove its tenant. RF001 when it has not. SECURITY DEFINER: a role that may '
    'query the tables learns from the plans of its queries how many rows of others they met.';
REVOKE ALL ON FUNCTION audit.summarize_proven_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.summarize_proven_audit_logs TO audit_keyed;
