-- What was done to the transaction's tenant: one page, newest first unless asked otherwise. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.list_admin_events(
    -- A thousand, unlike the list of records: what called this before there were pages asked for no more than one.
    p_limit      int         DEFAULT 1000,
    p_cursor     text        DEFAULT NULL,
    p_order      text        DEFAULT 'desc',
    p_start_time timestamptz DEFAULT NULL,
    p_end_time   timestamptz DEFAULT NULL,
    p_act        text        DEFAULT NULL,
    p_api_key_id text        DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
BEGIN
    IF NOT has_table_privilege('audit.admin_events', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.list_proven_admin_events(p_limit, p_cursor, p_order, p_start_time, p_end_time, p_act, p_api_key_id);
    END IF;
    RETURN audit.admin_events_page(v_tenant_id, p_act, p_api_key_id, p_start_time, p_end_time, p_limit, p_cursor, p_order);
END
$$;

COMMENT ON FUNCTION audit.list_admin_events IS
    'One page of the administrative acts on the transaction''s tenant as JSON: count, items, next_cursor, has_more. Filters are '
    'equalities, start_time inclusive, end_time exclusive. RF001 when no tenant is set or proven, RF002 when it is not registered, '
    'RF003 when an argument is refused, RF006 when the key may not read.';
REVOKE ALL ON FUNCTION audit.list_admin_events FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_admin_events TO audit_trusted, audit_keyed;
