-- Proves: audit.insert_audit_log() writes what it is given, once; a retry is not a second record, and an id that is taken
-- is refused without a word about whose it is.

BEGIN;
SELECT plan(27);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
-- All that a refusal tells its caller.
\ir ../support/refusal.sql
PREPARE full_call AS SELECT audit.insert_audit_log(
    p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'error', p_trace_id => 'trace', p_http_status => 502, p_latency_ms => 17,
    p_user_id => 'user', p_error => 'bad gateway', p_id => '01900000-0000-7000-8000-00000000000a');

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';

-- Everything arrives where it belongs.
SELECT results_eq('EXECUTE full_call', ARRAY['01900000-0000-7000-8000-00000000000a'::uuid], 'the id that was given is returned');
SELECT results_eq(
    $$SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at FROM audit.audit_logs$$,
    $$VALUES ('01900000-0000-7000-8000-00000000000a'::uuid, 'trace', 'tap-a', 'agent', 'LIVE', 'error', 502, 17, 'user',
              'bad gateway', now())$$,
    'every argument is in its column, the tenant is the transaction''s, the time the server''s');
SELECT matches(audit.insert_audit_log('agent-without-id', 'DRY_RUN', 'success')::text, '^.{14}7',
    'without an id one of version 7 is made');
SELECT results_eq(
    $$SELECT trace_id, http_status, latency_ms, user_id, error FROM audit.audit_logs WHERE agent_id = 'agent-without-id'$$,
    $$VALUES (NULL::text, NULL::int, NULL::int, NULL::text, NULL::text)$$, 'what is not given is unknown');

-- A retry after a lost connection.
SELECT lives_ok('EXECUTE full_call', 'the same record under the same id is accepted again');
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE agent_id = 'agent'), 1::bigint, 'and is there once');

-- The same id, other content: accepted as if stored, the new record would be lost.
SELECT is(
    pg_temp.refusal($$SELECT audit.insert_audit_log('other', 'LIVE', 'error', 'trace', 502, 17, 'user', 'bad gateway',
        '01900000-0000-7000-8000-00000000000a')$$),
    'RF004|the id belongs to another record|Give every record an id of its own.|id',
    'another agent under the same id is refused');
SELECT throws_ok(format($$SELECT audit.insert_audit_log(%s, p_id => '01900000-0000-7000-8000-00000000000a')$$, changed.arguments),
    'RF004', NULL, changed.what || ' under the same id is refused')
FROM (VALUES
    ($$'agent', 'DRY_RUN', 'error', 'trace', 502, 17, 'user', 'bad gateway'$$, 'another mode'),
    ($$'agent', 'LIVE', 'denied', 'trace', 502, 17, 'user', 'bad gateway'$$, 'another status'),
    ($$'agent', 'LIVE', 'error', 'trace2', 502, 17, 'user', 'bad gateway'$$, 'another trace'),
    ($$'agent', 'LIVE', 'error', 'trace', 503, 17, 'user', 'bad gateway'$$, 'another HTTP status'),
    ($$'agent', 'LIVE', 'error', 'trace', 502, 18, 'user', 'bad gateway'$$, 'another latency'),
    ($$'agent', 'LIVE', 'error', 'trace', 502, 17, 'user2', 'bad gateway'$$, 'another user'),
    ($$'agent', 'LIVE', 'error', 'trace', 502, 17, 'user', 'timeout'$$, 'another error'),
    ($$'agent', 'LIVE', 'error', NULL, 502, 17, 'user', 'bad gateway'$$, 'an unknown trace')) AS changed (arguments, what);

-- The same id in another tenant: the very same words, so that nothing is learnt of the other.
SET LOCAL app.tenant_id = 'tap-b';
SELECT is(
    pg_temp.refusal('EXECUTE full_call'),
    'RF004|the id belongs to another record|Give every record an id of its own.|id',
    'an id that another tenant has is refused in the words of one that is the caller''s own');
SELECT is((SELECT count(*) FROM audit.audit_logs), 0::bigint, 'nothing was written for tap-b');
-- Past the function the key itself answers; under row-level security it does so without the row's values.
SELECT is(
    pg_temp.refusal($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES ('01900000-0000-7000-8000-00000000000a', 'tap-b', 'x')$$),
    '23505|duplicate key value violates unique constraint "audit_logs_pkey"|audit_logs_pkey|audit_logs',
    'a direct insert learns that the unguessable id exists, and no more');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000b')$$,
    'an id of its own is accepted');

-- A tenant that does not exist, named past set_tenant.
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT alike(pg_temp.refusal($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$),
    '23503|%|audit_logs_tenant_id_fkey|audit_logs', 'a record of an unregistered tenant is refused by the foreign key');

-- What a record cannot do without.
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.refusal($$SELECT audit.insert_audit_log('agent', NULL, 'success')$$),
    'RF003|a record needs a mode and a status|mode', 'a record without mode is refused');
SELECT is(pg_temp.refusal($$SELECT audit.insert_audit_log('agent', 'LIVE', NULL)$$),
    'RF003|a record needs a mode and a status|status', 'a record without status is refused');
SELECT throws_ok($$SELECT audit.insert_audit_log(NULL, 'LIVE', 'success')$$, '23502', NULL, 'a record without agent is refused');

-- Plans are kept from the sixth call in a session on, and a kept plan asks for more privileges than the first ones.
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT lives_ok($$SELECT audit.insert_audit_log('kept', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000c')
    FROM generate_series(1, 12)$$, 'the twelfth write of a session is accepted like the first, with plans that are kept');
SELECT throws_ok($$SELECT audit.insert_audit_log('other', 'LIVE', 'success', p_id => '01900000-0000-7000-8000-00000000000c')$$,
    'RF004', 'the id belongs to another record', 'and what is refused is refused in the same words');
RESET plan_cache_mode;

-- Text stays text.
SELECT lives_ok($$SELECT audit.insert_audit_log(E'a''); DELETE FROM audit.audit_logs; --', 'LIVE', 'success', p_error => '100% \ "')$$,
    'SQL in a value is accepted');
SELECT is((SELECT error FROM audit.audit_logs WHERE agent_id LIKE 'a''); DELETE%'), '100% \ "', 'and stored as it is');

SELECT * FROM finish();
ROLLBACK;
