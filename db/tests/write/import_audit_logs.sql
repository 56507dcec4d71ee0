-- Proves: only a key with the scope import keeps the times of records, for its own tenant alone; past what tells, the owner's
-- policy holds by itself. And: all or none, the first refusal named, the very same records taken again.

BEGIN;
SELECT plan(52);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['import']) AS import_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['read', 'write']) AS both_key,
       audit.issue_api_key('tap-b', 'tap', ARRAY['import', 'read', 'write']) AS key_of_b \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES ('01900000-0000-7000-8000-0000000000bb', 'tap-b', 'agent-of-b');
\ir ../support/refusal.sql
CREATE FUNCTION pg_temp.imports(p_change json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_record jsonb := '{"agent_id": "agent", "mode": "LIVE", "status": "success", "created_at": "2001-02-03T04:05:06Z"}';
BEGIN
    RETURN pg_temp.refusal(format('SELECT audit.import_audit_logs(%L, 11)',
        json_build_array(v_record, v_record || p_change::jsonb, v_record)));
END
$$;
CREATE FUNCTION pg_temp.stored(p_tenant text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
    $$SELECT count(*) FROM audit.audit_logs WHERE tenant_id = p_tenant AND agent_id <> 'agent-of-b'$$;
\set full '[{"id": "01900000-0000-7000-8000-00000000000a", "trace_id": "trace", "agent_id": "old", "mode": "LIVE", "status": "error", "http_status": 502, "latency_ms": 17, "user_id": "user", "error": "bad gateway", "created_at": "2001-02-03T04:05:06.123456+01:00"}, {"id": "01900000-0000-7000-8000-00000000000b", "agent_id": "unknown", "created_at": "1970-01-01T00:00:00Z"}]'
\set import 'SELECT audit.import_audit_logs(' :'full' ')'

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(:'import', 'RF001', 'no tenant is set for this transaction', 'no tenant: nothing');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok(:'import', 'RF001', 'no tenant is proven for this statement', 'a name: nothing');

-- The scope.
SELECT is(audit.enter_tenant(:'import_key'), 'tap-a', 'a key with the scope import');
SELECT is(current_setting('app.scopes'), 'import', 'says so');
SELECT lives_ok(:'import', 'import: keeps the times');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'RF006', 'the API key has not the scope write',
    'import: writes no record of now');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF006', 'the API key has not the scope read', 'import: lists nothing');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'x')$$, '42501',
    'new row violates row-level security policy for table "audit_logs"', 'import: nor past the function');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at) VALUES (gen_random_uuid(), 'tap-a', 'x', now())$$,
    '42501', 'permission denied for table audit_logs', 'import: nor chooses a time itself');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs', 'import: nor reads the table');
RESET SESSION AUTHORIZATION;
SELECT results_eq(
    $$SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at
      FROM audit.audit_logs WHERE tenant_id = 'tap-a' ORDER BY id$$,
    $$VALUES ('01900000-0000-7000-8000-00000000000a'::uuid, 'trace', 'tap-a', 'old', 'LIVE', 'error', 502, 17, 'user',
              'bad gateway', '2001-02-03 03:05:06.123456+00'::timestamptz),
             ('01900000-0000-7000-8000-00000000000b', NULL, 'tap-a', 'unknown', NULL, NULL, NULL, NULL, NULL, NULL,
              '1970-01-01 00:00:00+00')$$,
    'every field is in its column; mode and status may be unknown');
SET LOCAL SESSION AUTHORIZATION audit_app;

-- Again.
SELECT is(audit.enter_tenant(:'import_key'), 'tap-a', 'the same key again');
SELECT lives_ok(:'import', 'the very same records are accepted again');
SELECT is(pg_temp.stored('tap-a'), 2::bigint, 'and are there once');
SELECT is(pg_temp.refusal(format('SELECT audit.import_audit_logs(%L)', jsonb_set(:'full', ARRAY['0', field], value))),
    'RF004|the id belongs to another record|record 1|id', 'another ' || field || ' under the same id is refused')
FROM (VALUES ('agent_id', '"x"'::jsonb), ('trace_id', '"x"'), ('mode', '"DRY_RUN"'), ('status', '"success"'), ('http_status', '500'),
    ('latency_ms', '18'), ('user_id', '"x"'), ('error', '"x"'), ('created_at', '"2001-02-03T04:05:06.123457+01:00"'))
    AS c (field, value);
SELECT is(pg_temp.imports('{"id": "01900000-0000-7000-8000-0000000000bb"}'),
    'RF004|the id belongs to another record|record 12|id', 'an id of another tenant is refused in the same words');

-- How many were not there before.
SELECT is(audit.import_history(:'full'), 0, 'none of the very same records is new');
SELECT is(audit.import_history('[{"agent_id": "new", "created_at": "2001-01-01T00:00:00Z"}]'), 1, 'a new one is');
SELECT is(audit.import_history(format('[%s, {"id": "01900000-0000-7000-8000-00000000000c", "agent_id": "new", "created_at":
    "2001-01-01T00:00:00Z"}, {"id": "01900000-0000-7000-8000-00000000000c", "agent_id": "new", "created_at":
    "2001-01-01T00:00:00Z"}]', :'full'::json -> 0)::json), 1, 'beside one that is not, and itself, once');
SELECT is(pg_temp.refusal(format('SELECT audit.import_history(%L)', jsonb_set(:'full', ARRAY['1', 'agent_id'], '"x"'))),
    'RF004|the id belongs to another record|record 2|id', 'and one that is refused is refused in the same words');
SELECT is(pg_temp.stored('tap-a'), 4::bigint, 'the new ones are there');

-- The first that is refused.
SELECT is(pg_temp.imports(change), refusal, refusal) FROM (VALUES
    ('{"created_at": null}'::json,      'RF003|an imported record has the time it was made|record 12|created_at'),
    ('{"created_at": "infinity"}',      '23514|new row for relation "audit_logs" violates check constraint'
                                        ' "audit_logs_created_at_known"|record 12|audit_logs_created_at_known'),
    ('{"mode": "TEST"}',                '23514|new row for relation "audit_logs" violates check constraint'
                                        ' "audit_logs_mode_known"|record 12|audit_logs_mode_known'),
    ('{"http_status": 99999999999}',    '22003|value "99999999999" is out of range for type integer|record 12'))
    AS c (change, refusal);
SELECT is(pg_temp.stored('tap-a'), 4::bigint, 'nothing of all these was stored');
SELECT is(pg_temp.imports('{}'), 'accepted', 'what is right is');

-- Each alone: what is refused is named at its place, and the others are stored. The first is there already.
SAVEPOINT outcomes;
SELECT audit.import_audit_log_batch(format('[%s, {"agent_id": "x"}, {"agent_id": "batch", "created_at": "2001-01-01T00:00:00Z"},
    {"agent_id": "x", "created_at": "2001-01-01T00:00:00Z", "http_status": 99999999999},
    {"id": "01900000-0000-7000-8000-0000000000bb", "agent_id": "x", "created_at": "2001-01-01T00:00:00Z"},
    {"agent_id": "batch", "created_at": "2001-01-01T00:00:00Z"}]', :'full'::json -> 0)::json) AS batch \gset
SELECT is((SELECT string_agg(concat_ws(' ', coalesce(o.outcome ->> 'sqlstate', 'stored'), nullif(o.outcome ->> 'column', '')), ', ' ORDER BY o.n)
           FROM json_array_elements(:'batch'::json -> 'refusals') WITH ORDINALITY AS o (outcome, n)),
    'stored, RF003 created_at, stored, 22003, RF004 id, stored', 'each of a batch has an outcome');
SELECT is(:'batch'::json ->> 'stored', '2', 'and those that were not there before are counted');
ROLLBACK TO SAVEPOINT outcomes;
SELECT is(audit.import_audit_log_batch(:'full')::text, '{"stored" : 0, "refusals" : null}', 'nothing is refused of the very same records');
SELECT throws_ok($$SELECT audit.import_audit_log_batch('[{"agent_id": "x"}]', 7)$$, 'RF003', 'an imported record has the time it was made',
    'all or none where a first number is given');

-- Another tenant named, and what the functions set for themselves set by hand.
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT throws_ok(:'import', 'RF001', 'no tenant is proven for this statement', 'import: nothing for a tenant that is named');
SELECT is(audit.enter_tenant(:'both_key'), 'tap-a', 'a key with the scopes read and write');
SELECT lives_ok($$SELECT audit.insert_audit_log('now', 'LIVE', 'success')$$, 'read, write: writes');
SELECT throws_ok(:'import', 'RF006', 'the API key has not the scope import', 'read, write: keeps no times');
SELECT set_config('app.scopes', 'import', true) \gset
SELECT throws_ok(:'import', 'RF001', 'no tenant is proven for this statement', 'read, write: nor claiming the scope');
SELECT audit.enter_tenant(:'both_key'), set_config('app.scope', 'import', true) \gset
SELECT throws_ok(:'import', 'RF006', 'the API key has not the scope import', 'read, write: nor with the scope set for the owner');
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of another tenant');
SELECT is(pg_temp.imports('{}'), 'accepted', 'imports');
SELECT is(pg_temp.stored('tap-b'), 3::bigint, 'for that one');

-- The owner's policy, without the function: as the owner, whoever becomes it.
RESET SESSION AUTHORIZATION;
PREPARE forging AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at) VALUES (gen_random_uuid(), 'tap-b', 'x', now());
SET LOCAL ROLE audit_owner;
SELECT lives_ok('EXECUTE forging', 'the owner appends for the tenant that is proven');
SELECT set_config('app.proof', '', true) \gset
SELECT throws_ok('EXECUTE forging', '42501', 'new row violates row-level security policy for table "audit_logs"',
    'without a proof of this scope the owner appends nothing');
RESET ROLE;

-- Who names his tenant imports nothing.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a login that names its tenant');
SELECT throws_ok(:'import', '42501', 'permission denied for function import_audit_logs', 'imports nothing');

SELECT * FROM finish();
ROLLBACK;
