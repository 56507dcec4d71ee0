-- Proves: a key does what its scopes say and no more: one that writes reads nothing, one that reads writes nothing, and the
-- functions tell it so; past what tells, the policies hold by themselves. Each refusal stands beside the key that may.

BEGIN;
SELECT plan(83);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), ('01900000-0000-7000-8000-00000000000b', 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['read', 'write']) AS both_key, audit.issue_api_key('tap-a', 'tap',
    ARRAY['read']) AS read_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key \gset
-- The plans are kept, as in a session that has lasted.
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE appending AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a');
-- What the lists go on in.
PREPARE listing AS
    SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, 'desc', NULL, NULL);
PREPARE counting AS SELECT audit.count_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
PREPARE summarizing AS SELECT audit.summarize_proven_audit_logs(1);
PREPARE listing_acts AS SELECT audit.list_proven_admin_events(50, NULL, 'desc', NULL, NULL, NULL, NULL);
-- The record that is written again and again; all of its fields, in the order in which they are given.
CREATE FUNCTION pg_temp.write(p_id text, p_user_id text DEFAULT 'user') RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
    RETURN audit.insert_audit_log('agent-of-a', 'LIVE', 'error', 'trace', 502, 17, p_user_id, 'bad gateway', p_id::uuid);
END
$$;
\set own 01900000-0000-7000-8000-00000000000a

SET LOCAL SESSION AUTHORIZATION audit_app;

-- Both scopes.
SELECT is(audit.enter_tenant(:'both_key'), 'tap-a', 'a key with both scopes');
SELECT is(current_setting('app.scopes'), 'read,write', 'says so');
SELECT lives_ok('EXECUTE listing', 'both: lists, as the owner');
SELECT lives_ok('EXECUTE listing_acts', 'both: the administrative acts too');
SELECT lives_ok('EXECUTE counting', 'both: and counts');
SELECT lives_ok('EXECUTE summarizing', 'both: and gets its overview');
SELECT is(audit.list_audit_logs()::json ->> 'count', '1', 'both: lists');
SELECT lives_ok('SELECT audit.list_admin_events()', 'both: lists the acts');
SELECT lives_ok('EXECUTE appending', 'both: appends to the table');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, 'both: appends by the function');

-- Reading alone.
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'a key with the scope read');
SELECT is(current_setting('app.scopes'), 'read', 'says so');
SELECT lives_ok('EXECUTE listing', 'read: lists, as the owner');
SELECT lives_ok('EXECUTE listing_acts', 'read: the administrative acts too');
SELECT lives_ok('EXECUTE counting', 'read: and counts');
SELECT lives_ok('EXECUTE summarizing', 'read: and gets its overview');
SELECT is(audit.list_audit_logs()::json ->> 'count', '3', 'read: lists');
SELECT is(audit.count_audit_logs()::json ->> 'count', '3', 'read: counts');
SELECT lives_ok('SELECT audit.list_admin_events()', 'read: lists the acts');
SELECT cmp_ok(json_array_length(audit.list_admin_events()::json -> 'items'), '>', 1, 'read: and is shown them');
SELECT throws_ok('EXECUTE appending', '42501', 'new row violates row-level security policy for table "audit_logs"',
    'read: does not append to the table');
SELECT set_config('app.scope', 'write', true) \gset
SELECT throws_ok('EXECUTE appending', '42501', 'new row violates row-level security policy for table "audit_logs"',
    'read: nor with the scope set by hand that a function of ours would set');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, 'RF006',
    'the API key has not the scope write',
    'read: is told that it may not append');
-- What tells is a setting; what refuses is the policy.
SELECT set_config('app.scopes', '', true) \gset
SELECT throws_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, '42501',
    'new row violates row-level security policy for table "audit_logs"', 'read: hiding its scope, it is refused by the policy');
SELECT set_config('app.scopes', 'read,write', true) \gset
SELECT throws_ok($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success')$$, '42501',
    'new row violates row-level security policy for table "audit_logs"', 'read: claiming the other, it is refused by the policy');
SELECT throws_ok('EXECUTE listing', 'RF001', 'no tenant is proven for this statement', 'read: and lists nothing any more');

-- Writing alone.
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'a key with the scope write');
SELECT is(current_setting('app.scopes'), 'write', 'says so');
SELECT throws_ok('EXECUTE listing', 'RF001', 'no tenant is proven for this statement', 'write: lists nothing, past what tells');
SELECT throws_ok('EXECUTE listing_acts', 'RF001', 'no tenant is proven for this statement', 'write: nor the acts');
SELECT throws_ok('EXECUTE counting', 'RF001', 'no tenant is proven for this statement', 'write: nor counts');
SELECT throws_ok('EXECUTE summarizing', 'RF001', 'no tenant is proven for this statement', 'write: nor gets its overview');
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF006', 'the API key has not the scope read',
    'write: is told that it may not list');
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF006', 'the API key has not the scope read', 'write: nor the acts');
SELECT lives_ok('EXECUTE appending', 'write: appends to the table');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-b', 'forged')$$,
    '42501', NULL,
    'write: does not append to another tenant');
-- Whatever is set by hand: hiding its scope, claiming the other, and what the functions set for themselves.
SELECT throws_ok(format(
        'SELECT set_config(''app.scopes'', %L, true), set_config(''app.scope'', %L, true), audit.%s', scopes, scope, list),
    state, message, format('write: %s with scopes %L and scope %L', list, scopes, scope))
FROM (VALUES ('list_audit_logs()'), ('list_admin_events()'), ('count_audit_logs()'), ('summarize_audit_logs()')) AS l (list),
     (VALUES ('', 'read', 'RF001', 'no tenant is proven for this statement'),
             ('read', 'read', 'RF001', 'no tenant is proven for this statement'),
             ('read,write', 'write', 'RF001', 'no tenant is proven for this statement'),
             ('write', 'read', 'RF006', 'the API key has not the scope read')) AS c (scopes, scope, state, message);
SELECT audit.enter_tenant(:'write_key'), set_config('app.scope', 'read', true) \gset
SELECT throws_ok('EXECUTE listing', 'RF001', 'no tenant is proven for this statement', 'write: nor as the owner with the scope set');
SELECT throws_ok('EXECUTE counting', 'RF001', 'no tenant is proven for this statement', 'write: nor counts so');
SELECT throws_ok('EXECUTE summarizing', 'RF001', 'no tenant is proven for this statement', 'write: nor gets its overview so');
SELECT set_config('app.scope', 'write', true) \gset
SELECT throws_ok('EXECUTE listing', 'RF001', 'no tenant is proven for this statement', 'write: be it the one that the key has');
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for table audit_logs', 'write: nor from the table');

-- A retry after a lost connection, by a key that cannot see whether its record is there.
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'a key with the scope write, again');
SELECT is(set_config('app.scope', '', true), '', 'in which no function has set its scope yet');
SELECT is(pg_temp.write(:'own'), :'own'::uuid, 'write: a record under an id of its own is accepted');
SELECT is(pg_temp.write(:'own'), :'own'::uuid, 'write: the same record under the same id is accepted again');
SELECT throws_ok(format('SELECT pg_temp.write(%L, %L)', :'own', 'other'), 'RF004', 'the id belongs to another record',
    'write: another content under the same id is refused');
SELECT throws_ok(format('SELECT pg_temp.write(%L, NULL)', :'own'), 'RF004', 'the id belongs to another record',
    'write: as is a field less');
SELECT throws_ok($$SELECT pg_temp.write('01900000-0000-7000-8000-00000000000b')$$, 'RF004', 'the id belongs to another record',
    'write: an id of another tenant is refused in the same words');

-- audit.are_stored() answers for the very record, field by field, of the proven tenant.
PREPARE stored (uuid, text, text, text, text, int, int, text, text) AS
    SELECT audit.are_stored(json_build_array(row_to_json(ROW($1, $5, $2, $3, $4, $6, $7, $8, $9, NULL, NULL)::audit.new_audit_log)));
SELECT results_eq(format('EXECUTE stored (%L, %s)', :'own', arguments), ARRAY[stored], 'are_stored: ' || said)
FROM (VALUES
    ($$'agent-of-a', 'LIVE',    'error',   'trace', 502,  17,   'user', 'bad gateway'$$, true,  'the record itself'),
    ($$'agent-of-b', 'LIVE',    'error',   'trace', 502,  17,   'user', 'bad gateway'$$, false, 'another agent'),
    ($$'agent-of-a', 'DRY_RUN', 'error',   'trace', 502,  17,   'user', 'bad gateway'$$, false, 'another mode'),
    ($$'agent-of-a', 'LIVE',    'success', 'trace', 502,  17,   'user', 'bad gateway'$$, false, 'another status'),
    ($$'agent-of-a', 'LIVE',    'error',   NULL,    502,  17,   'user', 'bad gateway'$$, false, 'no trace'),
    ($$'agent-of-a', 'LIVE',    'error',   'trace', NULL, 17,   'user', 'bad gateway'$$, false, 'no HTTP status'),
    ($$'agent-of-a', 'LIVE',    'error',   'trace', 502,  NULL, 'user', 'bad gateway'$$, false, 'no latency'),
    ($$'agent-of-a', 'LIVE',    'error',   'trace', 502,  17,   NULL,   'bad gateway'$$, false, 'no user'),
    ($$'agent-of-a', 'LIVE',    'error',   'trace', 502,  17,   'user', NULL$$,          false, 'no error'),
    ($$NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL$$,                                 false, 'nothing but the id'))
    AS asked (arguments, stored, said);
\set bare 'EXECUTE stored (''01900000-0000-7000-8000-00000000000b'', ''agent-of-b'', NULL, NULL, NULL, NULL, NULL, NULL, NULL)'
SELECT results_eq(:'bare', ARRAY[false], 'are_stored: a record of another tenant, every field right');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT results_eq(:'bare', ARRAY[false], 'are_stored: nor with that tenant named');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'a key with the scope read, again');
\set itself 'EXECUTE stored (' :'own' ', ''agent-of-a'', ''LIVE'', ''error'', ''trace'', 502, 17, ''user'', ''bad gateway'')'
SELECT results_eq(:'itself', ARRAY[false], 'are_stored: nothing to a key that may not write');
SELECT is(audit.enter_tenant(:'both_key'), 'tap-a', 'a key with both scopes, again');
SELECT results_eq(:'itself', ARRAY[true], 'are_stored: the record to a key that may do both');
SELECT set_config('app.scope', 'read', true) \gset
SELECT results_eq(:'itself', ARRAY[true], 'are_stored: whatever scope is set by hand');
SELECT set_config('app.proof', '', true) \gset
SELECT results_eq(:'itself', ARRAY[false], 'are_stored: nothing without a proof');

RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE id = :'own'), 1::bigint, 'the record that was repeated is there once');

SELECT * FROM finish();
ROLLBACK;
