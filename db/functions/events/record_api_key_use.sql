-- Notes that the proven key was used, and records its first read of an hour as an event. The service calls it in a transaction of its
-- own, on the primary: entering a tenant and reading write nothing, so that they work on a standby too.

CREATE OR REPLACE FUNCTION audit.record_api_key_use(p_scope text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- Another worker may be about to note the same.
SET lock_timeout = '1s'
AS $$
DECLARE
    v_tenant_id  text;
    v_api_key_id text        := audit.proven_api_key();
    v_hour       timestamptz := date_trunc('hour', now(), 'UTC');   -- once an hour, so that use stays cheap
BEGIN
    PERFORM audit.required_tenant(p_scope);   -- raises RF006 when the key has not the scope
    v_tenant_id := audit.required_proven_part(p_scope);

    UPDATE audit.api_key_uses AS u SET last_used_at = v_hour
    WHERE u.api_key_id = v_api_key_id AND (u.last_used_at IS NULL OR u.last_used_at < v_hour);

    IF p_scope = 'read' THEN
        UPDATE audit.api_key_uses AS u SET last_read_at = v_hour
        WHERE u.api_key_id = v_api_key_id AND (u.last_read_at IS NULL OR u.last_read_at < v_hour);
        IF FOUND THEN
            PERFORM audit.record_admin_event('records read', v_tenant_id, v_api_key_id);
        END IF;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.record_api_key_use IS
    'Notes the hour (UTC) in which the key that proved the tenant was used for p_scope. For the scope read, appends the act "records '
    'read" to the events of its tenant, once for each key and hour. No filters: they may name people. RF001 when no tenant is '
    'proven, RF006 when the key has not the scope, 55P03 when another transaction has noted the key and not ended within a second. '
    'SECURITY DEFINER: nobody but audit_owner may write events and uses.';
REVOKE ALL ON FUNCTION audit.record_api_key_use FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_api_key_use TO audit_keyed;
