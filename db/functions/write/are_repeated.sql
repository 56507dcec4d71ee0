-- Does the tenant have exactly these records already? A retry after a lost connection finds its own records, and that is success.
-- Another record under the same id is not a retry: answering "stored" would lose the new record.

CREATE OR REPLACE FUNCTION audit.are_repeated(p_records json, p_scope text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN   -- audit_keyed
        RETURN audit.are_stored(p_records);
    END IF;
    -- Imports, replays and audit.are_stored() run as the owner. Its policy needs the caller's proof, with this scope.
    PERFORM set_config('app.scope', p_scope, true);
    RETURN NOT EXISTS (
        SELECT FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r
        WHERE NOT EXISTS (
            SELECT FROM audit.audit_logs AS l
            WHERE l.id = r.id
              AND l.tenant_id = current_setting('app.tenant_id', true)
              AND (l.agent_id, l.mode, l.status, l.trace_id, l.http_status, l.latency_ms, l.user_id, l.error, l.context::text)
                  IS NOT DISTINCT FROM
                  (r.agent_id, r.mode, r.status, r.trace_id, r.http_status, r.latency_ms, r.user_id, r.error, r.context)
              -- An import chooses the time. A replay may repeat a record that was stored when it came, by a commit whose answer
              -- the service never got; then the stored time is that commit's.
              AND (p_scope <> 'import' OR l.created_at = r.created_at)
            OFFSET 0));   -- looked up by its id, one by one: a join could read the whole table
END
$$;

COMMENT ON FUNCTION audit.are_repeated IS
    'Whether the transaction''s tenant has every one of these very records, equal in every field, and with the scope import in their '
    'times too. Runs as its caller; the policies decide what it sees.';
REVOKE ALL ON FUNCTION audit.are_repeated FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.are_repeated TO audit_trusted, audit_keyed;
