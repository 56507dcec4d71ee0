-- Samples anew the tables from which a person is erased, keys and view links too, whose restriction may have named the person, so that the planner's
-- statistics hold no value that has gone; and the leaves, whose salts would let a guess be compared with the digest that is left. The whole tables: given some columns, ANALYZE passes over extended
-- statistics that an administrator has made of these and others, and they keep what was erased.
--
-- A call of its own, after the erasure is committed: ANALYZE waits for a VACUUM, and a transaction that has erased something holds up the
-- sealing of everybody while it waits.

CREATE OR REPLACE FUNCTION audit.refresh_statistics()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- Each table it has analysed makes it a transaction that others wait for.
SET lock_timeout = '2s'
AS $$
BEGIN
    ANALYZE audit.api_keys, audit.view_links, audit.audit_logs, audit.legal_holds, audit.seals;
END
$$;

COMMENT ON FUNCTION audit.refresh_statistics IS
    'Analyses the tables that hold what is personal, or a salt of it: to be called after an erasure, in a transaction of its own. 55P03 while a VACUUM '
    'or an index build of one of them is under way: call it again. SECURITY DEFINER: only a table''s owner may analyse it.';
REVOKE ALL ON FUNCTION audit.refresh_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.refresh_statistics TO audit_eraser;
