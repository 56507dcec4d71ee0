-- Records of one tenant by their ids, from its shard, for functions that go on to compare them with tables of the coordinator: Citus joins neither.

CREATE OR REPLACE FUNCTION audit.records_of_ids(p_tenant_id text, p_ids uuid[])
RETURNS audit.listed_audit_log[]
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                   l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
        FROM audit.audit_logs AS l
        WHERE l.tenant_id = p_tenant_id AND l.id = ANY (p_ids));
END
$$;

COMMENT ON FUNCTION audit.records_of_ids IS
    'Those of the tenant''s records that have one of these ids. Runs as its caller; the policies decide. Nobody but audit_owner and '
    'audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.records_of_ids FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.records_of_ids TO audit_keeper;
