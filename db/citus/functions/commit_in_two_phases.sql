-- Lets Citus commit the transaction in two phases, if it writes a shard. For the triggers of two_phases.sql.

CREATE OR REPLACE FUNCTION audit.commit_in_two_phases()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    DELETE FROM audit.two_phases;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.commit_in_two_phases IS
    'Deletes nothing from a table that is always empty, which Citus counts as a write of the coordinator. SECURITY DEFINER: audit_keeper writes some of '
    'these tables, and has no privilege on that one.';
REVOKE ALL ON FUNCTION audit.commit_in_two_phases FROM PUBLIC;
