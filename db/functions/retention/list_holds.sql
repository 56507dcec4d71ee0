-- The legal holds, those that were released among them, for administrators.

CREATE OR REPLACE FUNCTION audit.list_holds(p_tenant_id text DEFAULT NULL)
RETURNS TABLE (
    id uuid, tenant_id text, status text, user_id text, agent_id text, trace_id text, start_time timestamptz, end_time timestamptz,
    reason text, reference text, placed_by text, placed_at timestamptz, release_asked_by text, release_asked_at timestamptz,
    released_by text, released_at timestamptz, release_reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    RETURN QUERY
    SELECT h.id, h.tenant_id,
           CASE WHEN h.released_at IS NOT NULL THEN 'released' WHEN h.release_asked_at IS NOT NULL THEN 'release asked' ELSE 'held' END,
           h.user_id, h.agent_id, h.trace_id, h.start_time, h.end_time, h.reason, h.reference, h.placed_by, h.placed_at,
           h.release_asked_by, h.release_asked_at, h.released_by, h.released_at, h.release_reason
    FROM audit.legal_holds AS h
    WHERE p_tenant_id IS NULL OR h.tenant_id = p_tenant_id
    ORDER BY h.placed_at, h.id;
END
$$;

COMMENT ON FUNCTION audit.list_holds IS
    'The legal holds of a tenant, or of all, oldest first. status: held, release asked (it holds until another login confirms), released. '
    'SECURITY DEFINER: audit_admin has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.list_holds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_holds TO audit_admin;
