-- Proves: audit.insert_audit_logs() writes many records or none, refuses what audit.insert_audit_log() refuses in the same
-- words, names the first, and takes the very same records again.

BEGIN;
SELECT plan(35);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key, audit.issue_api_key('tap-a', 'tap', ARRAY['read'])
    AS read_key, audit.issue_api_key('tap-a', 'tap', ARRAY['import']) AS import_key \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES ('01900000-0000-7000-8000-0000000000bb', 'tap-b', 'agent-of-b');
-- All that a refusal tells its caller.
\ir ../support/refusal.sql
-- Three records, the second of them changed; written with p_first => 11.
CREATE FUNCTION pg_temp.writes(p_change json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_record jsonb := '{"agent_id": "agent", "mode": "LIVE", "status": "success"}';
BEGIN
    RETURN pg_temp.refusal(format('SELECT audit.insert_audit_logs(%L, 11)',
        json_build_array(v_record, v_record || p_change::jsonb, v_record)));
END
$$;
CREATE FUNCTION pg_temp.stored() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
    $$SELECT count(*) FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' AND agent_id <> 'agent-of-b'$$;
\set full '[{"id": "01900000-0000-7000-8000-00000000000a", "trace_id": "trace", "agent_id": "agent", "mode": "LIVE", "status": "error", "http_status": 502, "latency_ms": 17, "user_id": "user", "error": "bad gateway"}, {"id": "01900000-0000-7000-8000-00000000000b", "agent_id": "other", "mode": "DRY_RUN", "status": "success"}]'

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(format('SELECT audit.insert_audit_logs(%L)', :'full'), 'RF001', 'no tenant is set for this transaction',
    'without a tenant nothing is written');
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(audit.insert_audit_logs(:'full'), 2, 'how many there were is returned');
SELECT results_eq(
    'SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at
     FROM audit.audit_logs ORDER BY id',
    $$VALUES ('01900000-0000-7000-8000-00000000000a'::uuid, 'trace', 'tap-a', 'agent', 'LIVE', 'error', 502, 17, 'user',
              'bad gateway', now()),
             ('01900000-0000-7000-8000-00000000000b', NULL, 'tap-a', 'other', 'DRY_RUN', 'success', NULL, NULL, NULL, NULL, now())$$,
    'every field is in its column, the tenant is the transaction''s, the time the server''s');
SELECT is(audit.insert_audit_logs('[{"agent_id": "no id", "mode": "LIVE", "status": "success"}]'), 1, 'a record without an id');
SELECT matches((SELECT id::text FROM audit.audit_logs WHERE agent_id = 'no id'), '^.{14}7', 'gets one of version 7');
SELECT is(audit.insert_audit_logs('[]'), 0, 'no record is none');
SELECT is(audit.insert_audit_logs('[{"agent_id": "tenant", "mode": "LIVE", "status": "success", "tenant_id": "tap-b",
    "created_at": "2001-01-01T00:00:00Z"}]'), 1, 'a tenant and a time in a record');
SELECT results_eq($$SELECT tenant_id, created_at FROM audit.audit_logs WHERE agent_id = 'tenant'$$, $$VALUES ('tap-a', now())$$,
    'mean nothing');

-- Again, and in part again.
SELECT is(audit.insert_audit_logs(:'full'), 2, 'the very same records are accepted again');
SELECT is(audit.insert_audit_logs((:'full'::jsonb || '[{"agent_id": "third", "mode": "LIVE", "status": "success"}]')::json), 3,
    'and beside a new one');
SELECT is(pg_temp.stored(), 5::bigint, 'each is there once');
SELECT is(pg_temp.refusal(format('SELECT audit.insert_audit_logs(%L)', jsonb_set(:'full', '{1,user_id}', '"user"'))),
    'RF004|the id belongs to another record|record 2|id', 'another record under the same id is refused');
SELECT is(pg_temp.writes('{"id": "01900000-0000-7000-8000-0000000000bb"}'),
    'RF004|the id belongs to another record|record 12|id', 'whoever has it, in the same words');

-- The first that is refused.
SELECT is(pg_temp.writes(change), refusal, refusal) FROM (VALUES
    ('{"mode": null}'::json,                   'RF003|a record needs a mode and a status|record 12|mode'),
    ('{"status": null}',                       'RF003|a record needs a mode and a status|record 12|status'),
    ('{"mode": "TEST"}',                       '23514|new row for relation "audit_logs" violates check constraint'
                                               ' "audit_logs_mode_known"|record 12|audit_logs_mode_known'),
    ('{"latency_ms": -1}',                     '23514|new row for relation "audit_logs" violates check constraint'
                                               ' "audit_logs_latency_ms_range"|record 12|audit_logs_latency_ms_range'),
    ('{"agent_id": null}',                     '23502|null value in column "agent_id" of relation "audit_logs" violates'
                                               ' not-null constraint|record 12|agent_id'),
    ('{"http_status": "many"}',                '22P02|invalid input syntax for type integer: "many"|record 12'),
    ('{"id": "1"}',                            '22P02|invalid input syntax for type uuid: "1"|record 12')) AS c (change, refusal);
SELECT is(pg_temp.refusal($$SELECT audit.insert_audit_logs('[{"mode": "LIVE"}, {"status": "no"}]')$$),
    'RF003|a record needs a mode and a status|record 1|status', 'the first of two is named');
SELECT is(pg_temp.stored(), 5::bigint, 'nothing of all these was stored');
SELECT is(pg_temp.writes('{"user_id": "user"}'), 'accepted', 'what is right is');
SELECT is(pg_temp.stored(), 8::bigint, 'all three');

-- A tenant that does not exist, named past set_tenant.
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT alike(pg_temp.writes('{}'), '23503|%|record 11|audit_logs_tenant_id_fkey', 'no records of an unregistered tenant');

-- With a key.
RESET SESSION AUTHORIZATION;
SET LOCAL app.tenant_id = '';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'a key with the scope write');
SELECT is(pg_temp.writes('{}'), 'accepted', 'write: writes');
SELECT is(audit.insert_audit_logs(:'full'), 2, 'write: the very same records again, which it cannot see');
SELECT is(pg_temp.writes('{"id": "01900000-0000-7000-8000-0000000000bb"}'),
    'RF004|the id belongs to another record|record 12|id', 'write: an id of another tenant');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is(pg_temp.writes('{}'), '42501|new row violates row-level security policy for table "audit_logs"',
    'write: nothing for a tenant that is named');
SELECT is(audit.enter_tenant(:'import_key'), 'tap-a', 'a key with the scope import');
SELECT is(pg_temp.writes('{}'), 'RF006|the API key has not the scope write', 'import: is told that it may not');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'a key with the scope read');
SELECT is(pg_temp.writes('{}'), 'RF006|the API key has not the scope write', 'read: is told that it may not');
SELECT set_config('app.scopes', 'write', true) \gset
SELECT is(pg_temp.writes('{}'), '42501|new row violates row-level security policy for table "audit_logs"',
    'read: claiming the scope, it is refused by the policy');

SELECT * FROM finish();
ROLLBACK;
