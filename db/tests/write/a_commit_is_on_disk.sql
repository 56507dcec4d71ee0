-- Proves: whatever a session was left with, a record is written so that COMMIT waits for the disk, and for a standby where the
-- server wants that; the record of an export too, and one that waited. What waits as long or longer is left as it is.

BEGIN;
SELECT plan(38);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['import', 'read', 'write']) AS key_of_a \gset
\ir ../support/gateway.sql
-- With what a session was left, and with what its next COMMIT happens. What fails undoes its setting, as a savepoint does.
CREATE FUNCTION pg_temp.commits_with(p_left text, p_writing text DEFAULT $$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', p_left, true);
    EXECUTE p_writing;
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = current_setting('synchronous_commit');
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    RETURN SQLERRM;
END
$$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
SELECT is(pg_temp.commits_with(was), becomes, format('a key: %s becomes %s', was, becomes))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'),
             ('false', 'on'), ('0', 'on')) AS s (was, becomes);
SELECT is(pg_temp.commits_with(was, writing), becomes, format('many records: %s becomes %s: %s', was, becomes, writing))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'))
         AS s (was, becomes),
     (VALUES ($$SELECT audit.insert_audit_logs('[{"agent_id": "a", "mode": "LIVE", "status": "success"}]')$$),
             ($$SELECT audit.import_audit_logs('[{"agent_id": "a", "created_at": "2001-01-01T00:00:00Z"}]')$$)) AS w (writing);
SELECT is(pg_temp.commits_with(was, format('SELECT audit.begin_export(%L)', :'key_of_a')), becomes,
    format('a key exports: %s becomes %s', was, becomes))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'))
    AS s (was, becomes);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.commits_with(was), becomes, format('a gateway: %s becomes %s', was, becomes))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'))
    AS s (was, becomes);
SELECT is(pg_temp.commits_with(was, format('SELECT audit.replay_audit_logs(%L)', json_build_array(json_build_object('line',
    json_build_object('tenant_id', 'tap-a', 'agent_id', 'a', 'created_at', now())::text)))), becomes,
    format('a record that waited: %s becomes %s', was, becomes))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'))
    AS s (was, becomes);
SELECT is(pg_temp.commits_with(was, 'SELECT audit.begin_export()'), becomes,
    format('a gateway exports: %s becomes %s', was, becomes))
FROM (VALUES ('off', 'on'), ('local', 'on'), ('on', 'on'), ('remote_write', 'remote_write'), ('remote_apply', 'remote_apply'))
    AS s (was, becomes);

SELECT * FROM finish();
ROLLBACK;
