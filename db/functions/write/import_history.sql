-- Imports records and returns how many of them are new. Kept for the import command of the previous release.

CREATE OR REPLACE FUNCTION audit.import_history(p_records json)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (audit.import_audit_log_batch(p_records, 1) ->> 'stored')::int;
END
$$;

COMMENT ON FUNCTION audit.import_history IS
    'Does and refuses what audit.import_audit_logs() does and refuses, and returns how many of the records were not stored before.';
REVOKE ALL ON FUNCTION audit.import_history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.import_history TO audit_keyed;
