-- Records that a key reads: the first read of an hour leaves an event, so that reading stays cheap. Called by the functions that
-- read for audit_keyed, once they have checked the proof. Apart from them, since a standby can write nothing.

CREATE OR REPLACE FUNCTION audit.record_read()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_api_key_id text := audit.proven_api_key();
BEGIN
    -- Skips a locked row instead of waiting: another transaction is about to write the same.
    UPDATE audit.api_key_uses SET last_read_at = date_trunc('hour', now(), 'UTC')
    WHERE api_key_id = (SELECT u.api_key_id FROM audit.api_key_uses AS u
                        WHERE u.api_key_id = v_api_key_id
                          AND (u.last_read_at IS NULL OR u.last_read_at < date_trunc('hour', now(), 'UTC'))
                        FOR NO KEY UPDATE SKIP LOCKED);
    -- A transaction that has hidden its key gets an event for every read: no hour can be counted for it.
    IF FOUND OR v_api_key_id IS NULL THEN
        PERFORM audit.record_admin_event('records read', audit.proven_tenant('read'), v_api_key_id);
    END IF;
END
$$;

COMMENT ON FUNCTION audit.record_read IS
    'Appends the act "records read" to the events of the proven tenant, once for each key and hour (UTC), and each time where '
    'app.api_key is not what audit.enter_tenant() set. No filters: they may name people. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.record_read FROM PUBLIC;
