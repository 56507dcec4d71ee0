-- Samples anew the tables from which a person is erased, so that the planner's statistics hold no value that has gone; and the salts,
-- each of which would let a guess be compared with the digest that is left. The whole tables: given
-- some columns, ANALYZE passes over extended statistics that an administrator has made of these and others, and they keep what was erased.

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
    ANALYZE audit.audit_logs, audit.legal_holds, audit.seals (salt);
END
$$;

COMMENT ON FUNCTION audit.refresh_statistics IS
    'Analyses audit.audit_logs, audit.legal_holds and the salts in audit.seals. It waits for a VACUUM or an index build of these tables. Nobody but audit_owner and '
    'audit_keeper may call it. SECURITY DEFINER: only a table''s owner may analyse it.';
REVOKE ALL ON FUNCTION audit.refresh_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.refresh_statistics TO audit_keeper;
