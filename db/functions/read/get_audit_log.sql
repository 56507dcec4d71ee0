-- One record of the transaction's tenant by its id, as audit.list_audit_logs() shows it. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.get_audit_log(p_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
    v_item      text;
BEGIN
    IF NOT has_column_privilege('audit.audit_logs', 'id', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.get_proven_audit_log(p_id);
    END IF;

    -- The id of another tenant's record is answered like an unused one: neither is found here.
    SELECT row_to_json(item)::text
    INTO v_item
    FROM (
        SELECT l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id, l.error,
               to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
               to_char(l.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, l.api_key_id, l.context
        FROM audit.audit_logs AS l
        WHERE l.id = p_id AND l.tenant_id = v_tenant_id) AS item;

    -- A caller that has set an unregistered name must not conclude that the record was never written.
    IF v_item IS NULL AND NOT EXISTS (SELECT FROM audit.tenants WHERE id = v_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered'
            USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;
    RETURN v_item;
END
$$;

COMMENT ON FUNCTION audit.get_audit_log IS
    'The record of the transaction''s tenant with this id as JSON, equal to its item in a list; NULL when the tenant has none, '
    'also when another tenant has it. RF001 when no tenant is set or proven, RF002 when it is not registered, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.get_audit_log FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_audit_log TO audit_trusted, audit_keyed;
