-- Records an administrative act. Called by the functions that act, in their transaction: no act without its record.

CREATE OR REPLACE FUNCTION audit.record_admin_event(p_act text, p_tenant_id text, p_api_key_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
    VALUES (audit.uuid_v7(), p_tenant_id, p_act, p_api_key_id, session_user, now());
END
$$;

COMMENT ON FUNCTION audit.record_admin_event IS
    'Appends an act to audit.admin_events, with session_user as who did it. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.record_admin_event FROM PUBLIC;
