-- Notes ids of records that are pruned in this transaction, so that no record takes them again.

CREATE OR REPLACE FUNCTION audit.record_pruned_ids(p_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    INSERT INTO audit.pruned_ids (id) SELECT id FROM unnest(p_ids) AS id ON CONFLICT DO NOTHING;
END
$$;

COMMENT ON FUNCTION audit.record_pruned_ids IS
    'Appends to audit.pruned_ids. Nobody but audit_owner and audit_keeper may call it. SECURITY DEFINER: audit_keeper has no privilege on that '
    'table.';
REVOKE ALL ON FUNCTION audit.record_pruned_ids FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_pruned_ids TO audit_keeper;
