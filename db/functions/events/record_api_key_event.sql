-- Records an act on an API key, with what the key is once the act is done: an auditor asks what it may do and until when.

CREATE OR REPLACE FUNCTION audit.record_api_key_event(p_act text, p_api_key_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text;
    v_detail    jsonb;
BEGIN
    SELECT k.tenant_id, jsonb_build_object(
        'label', k.label, 'scopes', k.scopes, 'replaced_by', k.replaced_by,
        'expires_at', to_char(k.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    INTO STRICT v_tenant_id, v_detail
    FROM audit.api_keys AS k WHERE k.id = p_api_key_id;
    PERFORM audit.record_admin_event(p_act, v_tenant_id, p_api_key_id, v_detail);
END
$$;

COMMENT ON FUNCTION audit.record_api_key_event IS
    'Appends an act on a key to audit.admin_events. Its detail: label, scopes, expires_at (null: never) and replaced_by (null: the key '
    'was not rotated), as they are when this is called. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.record_api_key_event FROM PUBLIC;
