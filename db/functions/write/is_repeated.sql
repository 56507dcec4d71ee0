-- Does the tenant have exactly this record already? A retry after a lost connection finds its own record, and that is success. 
-- Another record under the same id is not a retry: answering "stored" would lose the new record.

CREATE OR REPLACE FUNCTION audit.is_repeated(p_record audit.new_audit_log, p_scope text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_table_privilege('audit.audit_logs', 'SELECT') THEN   -- audit_keyed
        RETURN audit.is_stored(
            p_record.id, p_record.agent_id, p_record.mode, p_record.status, p_record.trace_id, p_record.http_status,
            p_record.latency_ms, p_record.user_id, p_record.error);
    END IF;
    -- Imports, replays and audit.is_stored() run as the owner. Its policy needs the caller's proof, with this scope.
    PERFORM set_config('app.scope', p_scope, true);
    RETURN EXISTS (
        SELECT FROM audit.audit_logs AS l
        WHERE l.id = p_record.id
          AND l.tenant_id = current_setting('app.tenant_id', true)
          AND (l.agent_id, l.mode, l.status, l.trace_id, l.http_status, l.latency_ms, l.user_id, l.error)
              IS NOT DISTINCT FROM
              (p_record.agent_id, p_record.mode, p_record.status, p_record.trace_id, p_record.http_status, p_record.latency_ms,
               p_record.user_id, p_record.error)
          -- An import chooses the time. A replay may repeat a record that was stored when it came, by a commit whose answer
          -- the service never got; then the stored time is that commit's.
          AND (p_scope <> 'import' OR l.created_at = p_record.created_at));
END
$$;

COMMENT ON FUNCTION audit.is_repeated IS
    'Whether the transaction''s tenant has this very record, equal in every field, and with the scope import in its time too. Runs as '
    'its caller; the policies decide what it sees.';
REVOKE ALL ON FUNCTION audit.is_repeated FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.is_repeated TO audit_trusted, audit_keyed;
