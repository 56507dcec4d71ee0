-- The import of history tells what it stored from what was there already; audit.import_audit_logs() counts both.

CREATE OR REPLACE FUNCTION audit.import_history(p_records json)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM audit.import_audit_logs(p_records);
    RETURN current_setting('app.newly_imported')::int;
END
$$;

COMMENT ON FUNCTION audit.import_history IS
    'Does and refuses what audit.import_audit_logs() does and refuses, and returns how many of the records were not stored before.';
REVOKE ALL ON FUNCTION audit.import_history FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.import_history TO audit_keyed;
