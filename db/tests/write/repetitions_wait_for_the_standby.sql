-- Proves: a repetition that finds its record stored writes to the write-ahead log all the same. Its COMMIT waits for the standby only then,
-- and the record may be committed on the primary alone: when the first COMMIT was cut off while it waited.

BEGIN;
SELECT plan(10);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['import', 'write']) AS key \gset
\ir ../support/logged.sql

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key');
SELECT is(pg_temp.logged($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-000000000001')$$), 1,
    'one record');
SELECT is(pg_temp.logged($$SELECT audit.insert_audit_logs('[{"id": "01900000-0000-7000-8000-000000000002", "agent_id": "a", "mode": "LIVE",
    "status": "success"}]')$$), 1, 'many records');
SELECT is(pg_temp.logged($$SELECT audit.import_audit_logs('[{"id": "01900000-0000-7000-8000-000000000003", "agent_id": "a",
    "created_at": "2001-01-01T00:00:00Z"}]')$$), 1, 'an import');
SELECT is(pg_temp.logged($$SELECT audit.claim_idempotency_key('k', sha256('body'), 'answer')$$), 1, 'a request with an Idempotency-Key');
SELECT is(pg_temp.logged(format('SELECT audit.insert_audit_log_batch(%L)', json_build_array(
    json_build_object('api_key', :'key', 'position', 1, 'id', '01900000-0000-7000-8000-000000000001', 'agent_id', 'agent', 'mode', 'LIVE',
                      'status', 'success')))), 1, 'a batch');
SELECT is(pg_temp.logged(format('SELECT audit.insert_audit_log_batch(%L)', json_build_array(
    json_build_object('api_key', :'key', 'position', 1, 'id', '01900000-0000-7000-8000-000000000001', 'agent_id', 'agent', 'mode', 'LIVE',
                      'status', 'success'),
    json_build_object('api_key', :'key', 'position', 2, 'agent_id', 'agent', 'mode', 'LIVE', 'status', 'unheard of')))), 1,
    'a batch of which another record is refused');

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'with a name');
SELECT is(pg_temp.logged($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-000000000001')$$), 1,
    'one record of a gateway');
SELECT is(pg_temp.logged(format('SELECT audit.replay_audit_logs(%L)', json_build_array(json_build_object('line', json_build_object(
    'id', '01900000-0000-7000-8000-000000000004', 'tenant_id', 'tap-a', 'agent_id', 'a', 'mode', 'LIVE', 'status', 'success',
    'created_at', now())::text)))), 1, 'a record that waited');

SELECT * FROM finish();
ROLLBACK;
