-- audit.get_audit_log() for audit_keyed, which has no SELECT on the table: as the owner, whose policy demands the proof.

CREATE OR REPLACE FUNCTION audit.get_proven_audit_log(p_id uuid)
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
    RETURN audit.get_audit_log(p_id);
END
$$;

COMMENT ON FUNCTION audit.get_proven_audit_log IS
    'What audit.get_audit_log() does for a role that must prove its tenant. RF001 when it has not. SECURITY DEFINER: a role that '
    'may query the table learns from the plans of its queries how many rows of others they met.';
REVOKE ALL ON FUNCTION audit.get_proven_audit_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_proven_audit_log TO audit_keyed;
