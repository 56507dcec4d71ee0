-- Proves: audit.get_audit_log() gives one record of the transaction's tenant, as the list shows it, and of another tenant's
-- record nothing, as of an id that nobody has used.

BEGIN;
SELECT plan(28);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, audit.issue_api_key('tap-b', 'tap') AS key_of_b,
       audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key, audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS read_key
\gset
\set id_of_a '01900000-0000-7000-8000-00000000000a'
\set id_of_b '01900000-0000-7000-8000-00000000000b'
\set unused  '01900000-0000-7000-8000-00000000000c'
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, mode, status, http_status, latency_ms, user_id, error, created_at,
    recorded_at, api_key_id, context)
VALUES (:'id_of_a', 'tap-a', E'a "quoted"\tagent', 'trace', 'LIVE', 'error', 502, 17, 'user', 'bad gateway',
        '2001-01-01 00:00:00.000001+00', '2002-01-01 00:00:00.000002+00', '0123456789abcdef', '{"origin" :1}'),
       (:'id_of_b', 'tap-b', 'agent-of-b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2001-01-01 00:00:01+00',
        NULL, NULL, NULL);
\ir ../support/gateway.sql
PREPARE got (uuid) AS SELECT audit.get_audit_log($1);
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';

-- By name.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(format('EXECUTE got (%L)', :'id_of_a'), 'RF001', 'no tenant is set for this transaction',
    'without a tenant it says so');
SELECT set_config('app.tenant_id', '', true) \gset
SELECT throws_ok(format('EXECUTE got (%L)', :'id_of_a'), 'RF001', 'no tenant is set for this transaction',
    'nor is the empty name one');
SELECT set_config('app.tenant_id', 'tap-unknown', true) \gset
SELECT throws_ok(format('EXECUTE got (%L)', :'id_of_a'), 'RF002', 'the tenant is not registered',
    'a name that nobody registered is told so');
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'with tap-a named');
SELECT is(audit.get_audit_log(:'id_of_a'),
    '{"id":"01900000-0000-7000-8000-00000000000a","trace_id":"trace","tenant_id":"tap-a","agent_id":"a \"quoted\"\tagent",'
    '"mode":"LIVE","status":"error","http_status":502,"latency_ms":17,"user_id":"user","error":"bad gateway",'
    '"created_at":"2001-01-01T00:00:00.000001Z","recorded_at":"2002-01-01T00:00:00.000002Z","api_key_id":"0123456789abcdef",'
    '"context":{"origin" :1}}',
    'the whole record, in UTC whatever the zone and date style of the session');
SELECT is(audit.get_audit_log(:'id_of_a'), (audit.list_audit_logs()::json -> 'items' -> 0)::text, 'byte for byte as the list has it');
SELECT is(audit.get_audit_log(:'id_of_b'), NULL, 'a record of tap-b is not there');
SELECT is(audit.get_audit_log(:'unused'), NULL, 'as one that nobody wrote is not');
SELECT is(audit.get_audit_log(NULL), NULL, 'nor is one without an id');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'with tap-b named');
SELECT is(audit.get_audit_log(:'id_of_b')::json ->> 'agent_id', 'agent-of-b', 'the record of tap-b is there');
SELECT is(audit.get_audit_log(:'id_of_a'), NULL, 'and that of tap-a is not');

-- By key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read', true) \gset
SELECT throws_ok(format('EXECUTE got (%L)', :'id_of_a'), 'RF001', 'no tenant is proven for this statement',
    'a name without a key gets nothing');
SELECT throws_ok(format('SELECT audit.get_proven_audit_log(%L)', :'id_of_a'), 'RF001', 'no tenant is proven for this statement',
    'nor from the function that it goes on in');
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'with a key of tap-a');
SELECT is(audit.get_audit_log(:'id_of_a')::json ->> 'error', 'bad gateway', 'its record is there');
SELECT is(audit.get_proven_audit_log(:'id_of_a')::json ->> 'error', 'bad gateway', 'from the function that it goes on in too');
SELECT is(audit.get_audit_log(:'id_of_b'), NULL, 'that of tap-b is not');
SELECT is(audit.get_audit_log(:'unused'), NULL, 'as one that nobody wrote is not');
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'with a key of tap-b');
SELECT is(audit.get_audit_log(:'id_of_b')::json ->> 'agent_id', 'agent-of-b', 'its record is there');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'with a key of tap-a that only reads');
SELECT is(audit.get_audit_log(:'id_of_a')::json ->> 'error', 'bad gateway', 'its record is there');
SELECT is(audit.get_audit_log(:'id_of_b'), NULL, 'that of tap-b is not');
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'with a key that only writes');
SELECT throws_ok(format('EXECUTE got (%L)', :'id_of_a'), 'RF006', 'the API key has not the scope read',
    'it says that nothing may be read');
SELECT throws_ok(format('SELECT audit.get_proven_audit_log(%L)', :'id_of_a'), 'RF001', 'no tenant is proven for this statement',
    'and past what tells, nothing is');

-- Called by one whom no policy binds.
RESET SESSION AUTHORIZATION;
SELECT set_config('app.tenant_id', 'tap-b', true), set_config('app.scopes', '', true) \gset
SELECT is(audit.get_audit_log(:'id_of_a'), NULL, 'for a superuser too it keeps to the tenant of the transaction');

SELECT * FROM finish();
ROLLBACK;
