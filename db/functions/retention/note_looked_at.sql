-- Puts tenants that have nothing due at the end of the queue of audit.prune_records().

CREATE OR REPLACE FUNCTION audit.note_looked_at(p_tenant_ids text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    -- One that another transaction has locked is being pruned, or gets other terms.
    UPDATE audit.retention AS r SET pruned_at = clock_timestamp()
    WHERE r.tenant_id IN (
        SELECT t.tenant_id FROM audit.retention AS t WHERE t.tenant_id = ANY (p_tenant_ids) FOR UPDATE SKIP LOCKED);
END
$$;

COMMENT ON FUNCTION audit.note_looked_at IS
    'Sets pruned_at of these tenants to the present, so that others are looked at before them. Nobody but audit_owner and audit_keeper may call '
    'it. SECURITY DEFINER: audit_keeper changes the row of one tenant at a time, the one it has proven.';
REVOKE ALL ON FUNCTION audit.note_looked_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.note_looked_at TO audit_keeper;
