-- Proves: a hold keeps the records that match every condition that is given, from its start on and until before its end, also those to come; nobody prunes or
-- erases them; it is placed and listed by administrators, with a reason and a reference, on record without what may name a person.

BEGIN;
SELECT plan(62);
\ir ../support/kept.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/answer.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
DELETE FROM audit.legal_holds;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_registrar, tap_retention', pg_my_temp_schema()::regnamespace); END $$;
-- Five records a second apart; 5 is approved by jane.
SELECT count(pg_temp.kept(t.tenant, n, 'LIVE', timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second', CASE n WHEN 2 THEN 'jane' WHEN 3 THEN 'joe' END,
                          CASE n WHEN 4 THEN '{"event": "jane"}' WHEN 5 THEN '{"approver": "jane"}' END))
FROM (VALUES ('tap-a'), ('tap-b')) AS t (tenant) CROSS JOIN generate_series(1, 5) AS n \gset
SELECT pg_temp.seal() \gset
SELECT count(*) FROM pg_temp.new_events() \gset

-- Placing and listing.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.place_hold('tap-a', 'the reason', 'the case', 'jane', 'agent-2', 'trace-2', '2020-01-01 00:00:00+00', '2020-01-02 00:00:00+00') AS all_conditions,
       audit.place_hold('tap-b', repeat('r', 500), repeat('c', 200)) AS none \gset
SELECT results_eq(
    $$SELECT h.id, h.tenant_id, h.status, h.user_id, h.agent_id, h.trace_id, h.start_time, h.end_time, h.reason, h.reference, h.placed_by, h.placed_at,
             num_nonnulls(h.release_asked_by, h.release_asked_at, h.released_by, h.released_at, h.release_reason) FROM audit.list_holds('tap-a') AS h$$,
    format($$VALUES (%L::uuid, 'tap-a', 'held', 'jane', 'agent-2', 'trace-2', timestamptz '2020-01-01 00:00:00+00', timestamptz '2020-01-02 00:00:00+00',
                     'the reason', 'the case', 'tap_registrar', now(), 0)$$, :'all_conditions'), 'a hold is listed as it was placed, with who and when');
SELECT results_eq('SELECT h.id FROM audit.list_holds() AS h', format('VALUES (%L::uuid), (%L)', :'all_conditions', :'none'), 'those of all tenants, oldest first');
SELECT results_eq($$SELECT num_nonnulls(h.user_id, h.agent_id, h.trace_id, h.start_time, h.end_time) FROM audit.list_holds('tap-b') AS h$$, 'VALUES (0)', 'one may have no condition');
SELECT is_empty($$SELECT h.id FROM audit.list_holds('tap-nobody') AS h$$, 'a tenant may have none');
SELECT matches(:'none'::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7', 'its id is a UUID of version 7');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
SELECT is(pg_temp.answer(call), answer, 'refused: ' || call)
FROM (VALUES
    ('audit.place_hold(''tap-a'', NULL, ''case'')', '23502|null value in column "reason" of relation "legal_holds" violates not-null constraint|reason'),
    ('audit.place_hold(''tap-a'', ''reason'', NULL)', '23502|null value in column "reference" of relation "legal_holds" violates not-null constraint|reference'),
    ('audit.place_hold(''tap-a'', '''', ''case'')', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reason_size"'),
    ('audit.place_hold(''tap-a'', repeat(''r'', 501), ''case'')', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reason_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', '''')', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reference_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', repeat(''c'', 201))', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reference_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', ''case'', repeat(''u'', 1025))', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_texts_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', ''case'', p_agent_id => repeat(''u'', 1025))', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_texts_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', ''case'', p_trace_id => repeat(''u'', 1025))', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_texts_size"'),
    ('audit.place_hold(''tap-a'', ''reason'', ''case'', p_start_time => ''2020-01-01'', p_end_time => ''2020-01-01'')', '23514|new row for relation "legal_holds" violates check constraint "legal_holds_window"'),
    ('audit.place_hold(''tap-nobody'', ''reason'', ''case'')', 'RF002|the tenant is not registered'),
    ('audit.place_hold(NULL, ''reason'', ''case'')', 'RF002|the tenant is not registered')) AS c (call, answer);
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT act, tenant_id, api_key_id, actor, detail FROM pg_temp.new_events()',
    format($$VALUES ('hold placed', 'tap-a', NULL, 'tap_registrar', jsonb_build_object('hold', %L)), ('hold placed', 'tap-b', NULL, 'tap_registrar', jsonb_build_object('hold', %L))$$,
           :'all_conditions', :'none'), 'each is on record by its id: its conditions may name a person');
DELETE FROM audit.legal_holds;

-- What it keeps: each condition, and the borders of its window. Asked of audit.held_records(), in the numbers of the records.
CREATE FUNCTION pg_temp.held(p_conditions text, p_tenant text DEFAULT 'tap-a', p_more text DEFAULT 'SELECT') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_held text;
BEGIN
    EXECUTE format('SELECT audit.place_hold(%L, ''reason'', ''case''%s)', p_tenant, p_conditions);
    EXECUTE p_more;
    v_held := pg_temp.as_keeper('tap-a', format(
        '(SELECT string_agg(n::text, '' '' ORDER BY n) FROM generate_series(1, 5) AS n WHERE md5(''tap-a'' || n)::uuid = ANY (h)) FROM audit.held_records(''tap-a'', %L) AS h',
        (SELECT array_agg(pg_temp.id_of(t, n)) FROM (VALUES ('tap-a'), ('tap-b')) AS t (t) CROSS JOIN generate_series(1, 6) AS n)));
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = v_held;
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.held(conditions), held, format('a hold with these conditions: %s', conditions))
FROM (VALUES
    ('', '1 2 3 4 5'), (', p_user_id => ''jane''', '2 5'), (', p_user_id => ''joe''', '3'), (', p_user_id => ''jan''', 'NULL'),
    (', p_agent_id => ''agent-3''', '3'), (', p_agent_id => ''agent-9''', 'NULL'), (', p_trace_id => ''trace-4''', '4'), (', p_trace_id => ''trace-9''', 'NULL'),
    (', p_start_time => ''2020-01-01 00:00:03+00''', '3 4 5'), (', p_start_time => ''2020-01-01 00:00:03.000001+00''', '4 5'),
    (', p_end_time => ''2020-01-01 00:00:03+00''', '1 2'), (', p_end_time => ''2020-01-01 00:00:03.000001+00''', '1 2 3'),
    (', p_start_time => ''2020-01-01 00:00:02+00'', p_end_time => ''2020-01-01 00:00:04+00''', '2 3'),
    (', p_user_id => ''jane'', p_agent_id => ''agent-2''', '2'), (', p_user_id => ''jane'', p_agent_id => ''agent-3''', 'NULL'),
    (', p_user_id => ''jane'', p_trace_id => ''trace-5''', '5'), (', p_agent_id => ''agent-2'', p_trace_id => ''trace-3''', 'NULL'),
    (', p_user_id => ''jane'', p_start_time => ''2020-01-01 00:00:03+00''', '5'), (', p_user_id => ''jane'', p_end_time => ''2020-01-01 00:00:03+00''', '2')) AS h (conditions, held);
SELECT is(pg_temp.held('', 'tap-b'), 'NULL', 'a hold of another tenant keeps nothing here');
SELECT is(pg_temp.held(', p_user_id => ''jane''', 'tap-a', 'SELECT audit.place_hold(''tap-a'', ''reason'', ''case'', p_agent_id => ''agent-3'')'), '2 3 5', 'two holds keep what either does');
SELECT is(pg_temp.held('', 'tap-a', 'UPDATE audit.legal_holds SET released_at = now(), released_by = ''x'''), 'NULL', 'one that was released keeps nothing');
SELECT is(pg_temp.held('', 'tap-a', 'UPDATE audit.legal_holds SET released_at = now(), released_by = ''x''; SELECT audit.place_hold(''tap-a'', ''reason'', ''case'', p_agent_id => ''agent-2'')'),
    '2', 'also beside one that holds');
SELECT is(pg_temp.held('', 'tap-a', 'UPDATE audit.legal_holds SET release_asked_at = now(), release_asked_by = ''x'''), '1 2 3 4 5', 'one whose release is asked for keeps all');
SELECT is(pg_temp.held(', p_user_id => ''jane''', 'tap-a', 'SELECT audit.place_hold(''tap-b'', ''reason'', ''case'')'), '2 5', 'and beside another tenant''s it keeps its own');

-- Whoever asks.
SELECT audit.set_retention('tap-a', 200, NULL), audit.place_hold('tap-a', 'reason', 'case', p_user_id => 'jane') AS hold \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '3', 'a prune leaves what is held');
SELECT is(pg_temp.left_of('tap-a'), '2 5', 'as user and as approver');
SELECT is(pg_temp.as_eraser('concat(erased, '' '', held) FROM audit.erase_user(''tap-a'', ''jane'', ''request'')'), '0 2', 'so does an erasure of the person');
SELECT is(pg_temp.as_eraser(format('audit.erase_record(''tap-a'', %L, ''request'')', pg_temp.id_of('tap-a', 5))), 'RF011 a legal hold keeps this record', 'and of the record');
SELECT pg_temp.kept('tap-a', 12, 'LIVE', '2020-01-01 00:00:00+00', 'jane'), pg_temp.seal() \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '0', 'a record that came later is held too');
SELECT is(pg_temp.as_retention(call), '42501 permission denied for function ' || function, 'the job cannot call ' || function)
FROM (VALUES ('place_hold', 'audit.place_hold(''tap-a'', ''reason'', ''case'')'), ('list_holds', 'count(*) FROM audit.list_holds()'),
             ('release_hold', 'audit.release_hold(gen_random_uuid(), ''x'')'), ('confirm_release', 'audit.confirm_release(gen_random_uuid())'),
             ('held_records', 'audit.held_records(''tap-a'', ''{}'')')) AS c (function, call);
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT %s', login, call), '42501', NULL, format('%s cannot: %s', login, call))
FROM (VALUES ('audit_app'), ('tap_gateway')) AS l (login)
CROSS JOIN (VALUES ('audit.place_hold(''tap-a'', ''reason'', ''case'')'), ('FROM audit.list_holds()'), ('audit.release_hold(gen_random_uuid(), ''x'')'),
                   ('audit.confirm_release(gen_random_uuid())')) AS c (call);

SELECT * FROM finish();
ROLLBACK;
