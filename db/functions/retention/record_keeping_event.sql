-- Records a prune or an erasure, in its transaction: no act without its record.

CREATE OR REPLACE FUNCTION audit.record_keeping_event(p_act text, p_tenant_id text, p_detail jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    IF p_act NOT IN ('records pruned', 'person erased', 'record erased') THEN
        RAISE EXCEPTION 'not an act of audit_keeper' USING ERRCODE = 'RF003', COLUMN = 'act';
    END IF;
    PERFORM audit.record_admin_event(p_act, p_tenant_id, NULL, p_detail);
END
$$;

COMMENT ON FUNCTION audit.record_keeping_event IS
    'Appends one of the acts of audit_keeper to audit.admin_events: records pruned, person erased, record erased. RF003 for another. Nobody but '
    'audit_owner and audit_keeper may call it. SECURITY DEFINER: audit_keeper writes no event of its own making.';
REVOKE ALL ON FUNCTION audit.record_keeping_event FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_keeping_event TO audit_keeper;
