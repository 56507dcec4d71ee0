-- Does the tenant have exactly these records already? As in db/functions, said so that Citus can hand it on: the stored records of these ids are
-- fetched by one query of one shard, and compared here.

CREATE OR REPLACE FUNCTION audit.are_repeated(p_records json, p_scope text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text;
    v_ids       uuid[];
    v_stored    audit.listed_audit_log[];
BEGIN
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN   -- audit_keyed
        RETURN audit.are_stored(p_records);
    END IF;
    -- Imports, replays and audit.are_stored() run as the owner. Its policy needs the caller's proof, with this scope.
    PERFORM audit.set_on_nodes('app.scope', p_scope, true);
    v_tenant_id := audit.required_tenant(p_scope);   -- in the query itself, it would make Citus ask every shard
    v_ids := ARRAY(SELECT r.id FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r);
    -- INTO: in an assignment the variable would be a parameter of the query, of a type that Citus cannot name to the worker.
    SELECT ARRAY(
        SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                   l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log
        FROM audit.audit_logs AS l
        WHERE l.tenant_id = v_tenant_id AND l.id = ANY (v_ids)) INTO v_stored;
    RETURN NOT EXISTS (
        SELECT FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r
        WHERE NOT EXISTS (
            SELECT FROM unnest(v_stored) AS l
            WHERE l.id = r.id
              AND (l.agent_id, l.mode, l.status, l.trace_id, l.http_status, l.latency_ms, l.user_id, l.error, l.context)
                  IS NOT DISTINCT FROM
                  (r.agent_id, r.mode, r.status, r.trace_id, r.http_status, r.latency_ms, r.user_id, r.error, r.context)
              AND (p_scope <> 'import' OR l.created_at = r.created_at)));
END
$$;
