-- audit.read_feed() for audit_keyed, which has no SELECT on the tables: as the owner, whose policies demand the proof.

CREATE OR REPLACE FUNCTION audit.read_proven_feed(p_after text, p_limit int, p_format text)
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
    RETURN audit.read_feed(p_after, p_limit, p_format);
END
$$;

COMMENT ON FUNCTION audit.read_proven_feed IS
    'What audit.read_feed() does for a role that must prove its tenant. RF001 when it has not. SECURITY DEFINER: a role that may '
    'query the tables learns from the plans of its queries how many rows of others they met.';
REVOKE ALL ON FUNCTION audit.read_proven_feed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.read_proven_feed TO audit_keyed;
