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
-- As in audit.keyset_page(), which says why: down the index, and once for all ids, which are sorted there. New ids stand beside each other.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM audit.pruned_ids AS p WHERE p.id = ANY (p_ids));
END
$$;

COMMENT ON FUNCTION audit.are_pruned IS
    'Whether a record with one of these ids was pruned. It tells a caller who knows the id no more than an INSERT of it would. SECURITY DEFINER: '
    'no run-time role has a privilege on audit.pruned_ids.';
REVOKE ALL ON FUNCTION audit.are_pruned FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.are_pruned TO audit_trusted, audit_keyed;
