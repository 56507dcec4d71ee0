-- Records an act on a view link, with what the link is once the act is done.

CREATE OR REPLACE FUNCTION audit.record_view_link_event(p_act text, p_id text, p_reason text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_link record;   -- what is known of it, but no hash
BEGIN
    SELECT l.tenant_id, l.api_key_id, jsonb_strip_nulls(jsonb_build_object(
        'link', l.id, 'label', l.label,
        -- With the issue alone: no later act has more to say than a detail may hold. That it names a user, and not whom.
        'restriction', CASE WHEN p_act = 'view link issued' THEN
            l.restriction::jsonb || CASE WHEN l.restriction ->> 'user_id' IS NULL THEN '{}' ELSE '{"user_id": true}' END::jsonb END,
        'expires_at', to_char(l.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'key_expires_at', to_char(k.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'reason', p_reason)) AS detail
    INTO STRICT v_link
    FROM audit.view_links AS l
    LEFT JOIN audit.api_keys AS k ON k.id = l.api_key_id
    WHERE l.id = p_id;
    PERFORM audit.record_admin_event(p_act, v_link.tenant_id, v_link.api_key_id, v_link.detail);
END
$$;

COMMENT ON FUNCTION audit.record_view_link_event IS
    'Appends an act on a view link to audit.admin_events, with the key that it opened, if it was. Its detail: link (the public id), label, '
    'expires_at, restriction (of the issue; user_id: true where it names one), key_expires_at and reason, each where it has one. Nobody but '
    'audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.record_view_link_event FROM PUBLIC;
