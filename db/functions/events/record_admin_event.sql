-- Records an administrative act. Called by the functions that act, in their transaction: no act without its record.

CREATE OR REPLACE FUNCTION audit.record_admin_event(
    p_act        text,
    p_tenant_id  text,
    p_api_key_id text,
    p_detail     jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at, detail)
    VALUES (audit.uuid_v7(), p_tenant_id, p_act, p_api_key_id, session_user, now(), p_detail);
END
$$;

COMMENT ON FUNCTION audit.record_admin_event IS
    'Appends an act to audit.admin_events, with session_user as who did it. p_detail: a JSON object without personal data. Nobody '
    'but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.record_admin_event FROM PUBLIC;
