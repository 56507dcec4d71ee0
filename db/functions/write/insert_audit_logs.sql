-- Many records at once, all or none. Runs as the caller, so the policies of audit.audit_logs decide the tenant, row by row.

CREATE OR REPLACE FUNCTION audit.insert_audit_logs(p_records json, p_first int DEFAULT 1)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (audit.append_audit_logs(p_records, 'write', coalesce(p_first, 1))).total;
END
$$;

COMMENT ON FUNCTION audit.insert_audit_logs IS
    'Appends records to the transaction''s tenant, all or none, and returns how many: a JSON array of objects with the '
    'arguments of audit.insert_audit_log() without their p_. Refuses what that function refuses, with the same SQLSTATE, column '
    'and constraint; the detail is "record N", where N counts from p_first. Repeating a call with the same ids and contents '
    'changes nothing.';
REVOKE ALL ON FUNCTION audit.insert_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_logs TO audit_trusted, audit_keyed;
