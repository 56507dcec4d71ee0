-- audit.import_audit_log_batch() for records that belong together: all or none.

CREATE OR REPLACE FUNCTION audit.import_audit_logs(p_records json, p_first int DEFAULT 1)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM audit.import_audit_log_batch(p_records, coalesce(p_first, 1));
    RETURN json_array_length(p_records);
END
$$;

COMMENT ON FUNCTION audit.import_audit_logs IS
    'Appends records as audit.import_audit_log_batch() does, but all or none, and returns how many: the first that is refused '
    'is raised with the detail "record N", where N counts from p_first.';
REVOKE ALL ON FUNCTION audit.import_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.import_audit_logs TO audit_keyed;
