-- Records an export before its first line is sent: the key, or the login that named the tenant.

CREATE OR REPLACE FUNCTION audit.record_export(p_api_key text DEFAULT NULL, p_detail jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_tenant_id  text;
    v_api_key_id text;
BEGIN
    -- The owner could write events of any tenant, so the tenant is checked in the way that the login's group demands.
    IF audit.tenant_source() = 'header' THEN
        v_tenant_id := audit.required_tenant('read');
    ELSE
        -- Evidence shows every record: no key that shows a part may have said that it took some.
        v_tenant_id := CASE WHEN p_detail ->> 'format' IN ('ndjson', 'csv') THEN audit.required_proven_part('read')
                            ELSE audit.required_proven_tenant('read') END;
        IF p_api_key IS NULL THEN
            RAISE EXCEPTION 'no tenant is proven for this statement'
                USING ERRCODE = 'RF001', HINT = 'Hand the key on that audit.enter_tenant() was called with.';
        END IF;
        -- So that the key on record is one that was checked, and reads; a key of another tenant is refused.
        PERFORM audit.enter_tenant(p_api_key, v_tenant_id);
        PERFORM audit.required_tenant('read');
        v_api_key_id := split_part(p_api_key, '_', 2);
    END IF;

    -- An earlier user of a pooled session may have left it with less. The event must be on the disk before the export is sent.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    -- No filters: they may name people.
    PERFORM audit.record_admin_event('records exported', v_tenant_id, v_api_key_id, p_detail);
EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
END
$$;

COMMENT ON FUNCTION audit.record_export IS
    'Appends the act "records exported", with its detail, to the events of the transaction''s tenant. RF001 when no tenant is set or proven, RF002 '
    'when it is not registered, RF005 when p_api_key is not valid, RF006 when it has not the scope read, '
    'or shows a part of the tenant and the detail says another format than ndjson or csv, RF007 when it belongs to another tenant. SECURITY DEFINER: nobody but audit_owner may write events.';
REVOKE ALL ON FUNCTION audit.record_export FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_export TO audit_trusted, audit_keyed;
