-- Samples the columns that can be erased anew, so that the planner's statistics hold no value that has gone.

CREATE OR REPLACE FUNCTION audit.refresh_statistics()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    ANALYZE audit.audit_logs (user_id, error, context);
END
$$;

COMMENT ON FUNCTION audit.refresh_statistics IS
    'Analyses user_id, error and context of audit.audit_logs. Nobody but audit_owner and audit_keeper may call it. SECURITY DEFINER: only a '
    'table''s owner may analyse it.';
REVOKE ALL ON FUNCTION audit.refresh_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.refresh_statistics TO audit_keeper;
