-- What administrators did to the transaction's tenant, newest first. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.list_admin_events(p_limit int DEFAULT 1000)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := current_setting('app.tenant_id', true);
    v_scopes    text := coalesce(current_setting('app.scopes', true), '');
    v_events    text;
BEGIN
    IF coalesce(v_tenant_id, '') = '' THEN
        RAISE EXCEPTION 'no tenant is set for this transaction' USING ERRCODE = 'RF001';
    END IF;
    IF v_scopes <> '' AND 'read' <> ALL (string_to_array(v_scopes, ',')) THEN
        RAISE EXCEPTION 'the API key has not the scope read' USING ERRCODE = 'RF006';
    END IF;
    IF NOT has_table_privilege('audit.admin_events', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.list_proven_admin_events(p_limit);
    END IF;
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'limit is a number from 1 to 1000' USING ERRCODE = 'RF003', COLUMN = 'limit';
    END IF;

    SELECT json_agg(json_build_object(
        'id', e.id, 'tenant_id', e.tenant_id, 'act', e.act, 'api_key_id', e.api_key_id, 'actor', e.actor,
        'created_at', to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))::text
    INTO v_events
    FROM (
        SELECT * FROM audit.admin_events
        WHERE tenant_id = v_tenant_id
        ORDER BY created_at DESC, id DESC LIMIT p_limit) AS e;
    RETURN concat('{"items": ', coalesce(v_events, '[]'), '}');
END
$$;

COMMENT ON FUNCTION audit.list_admin_events IS
    'The newest administrative acts on the transaction''s tenant as JSON. RF001 when no tenant is set or proven, RF003 when the limit '
    'is refused, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.list_admin_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_admin_events TO audit_trusted, audit_keyed;
