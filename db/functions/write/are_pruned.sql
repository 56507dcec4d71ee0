-- Whether one of these ids is that of a record that was pruned: another record may not take it. For the functions that insert; it answers as
-- the primary key does, for all tenants alike.

CREATE OR REPLACE FUNCTION audit.are_pruned(p_ids uuid[])
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM unnest(p_ids) AS given (id)
        CROSS JOIN LATERAL (SELECT FROM audit.pruned_ids AS p WHERE p.id = given.id OFFSET 0) AS pruned);
END
$$;

COMMENT ON FUNCTION audit.are_pruned IS
    'Whether a record with one of these ids was pruned. It tells a caller who knows the id no more than an INSERT of it would. SECURITY DEFINER: '
    'no run-time role has a privilege on audit.pruned_ids.';
REVOKE ALL ON FUNCTION audit.are_pruned FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.are_pruned TO audit_trusted, audit_keyed;
