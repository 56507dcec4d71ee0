-- Proves: the pages of audit.list_admin_events() and audit.list_all_admin_events() give every event once, in both orders, also where
-- many share their time; filters find what they name however many other events there are; a cursor serves the list that it came
-- from and no other; and administrators, who read every tenant's, are the only ones who do.

BEGIN;
SELECT plan(64);

\ir ../support/gateway.sql
\ir ../support/registrar.sql

-- Nine events, seven of them of one instant; neighbours in another tenant and in none at the same instant.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
DELETE FROM audit.admin_events;
INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
SELECT format('01900000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'tap-a',
       CASE n WHEN 3 THEN 'api key issued' ELSE 'records exported' END, CASE WHEN n <= 3 THEN '0123456789abcdef' END, 'postgres',
       timestamptz '2001-01-01 00:00:00.123456+00' + CASE n WHEN 1 THEN '-1 microsecond' WHEN 9 THEN '1 microsecond' ELSE '0' END::interval
FROM generate_series(1, 9) AS n;
INSERT INTO audit.admin_events (id, tenant_id, act, actor, created_at)
SELECT format('01900000-0000-7000-9000-%s', lpad(n::text, 12, '0'))::uuid, CASE WHEN n < 5 THEN 'tap-b' END,
       CASE WHEN n < 5 THEN 'records exported' ELSE 'proof secret rotated' END, 'postgres', '2001-01-01 00:00:00.123456+00'
FROM generate_series(1, 5) AS n;

-- All pages of a list, one after the other, as the last digits of the ids, a bar between two pages.
CREATE FUNCTION pg_temp.pages(p_function text, p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_page   json;
    v_cursor text;
    v_pages  text[];
BEGIN
    LOOP
        EXECUTE format('SELECT audit.%I(p_cursor => %L, %s)', p_function, v_cursor, p_arguments) INTO v_page;
        IF (v_page ->> 'count')::int <> json_array_length(v_page -> 'items')
           OR (v_page ->> 'has_more')::boolean <> (v_page ->> 'next_cursor' IS NOT NULL) THEN
            RETURN 'count or has_more is wrong';
        END IF;
        v_pages := v_pages || (SELECT coalesce(string_agg(right(item ->> 'id', 1), ''), '') FROM json_array_elements(v_page -> 'items') AS item);
        v_cursor := v_page ->> 'next_cursor';
        EXIT WHEN v_cursor IS NULL OR cardinality(v_pages) > 20;
    END LOOP;
    RETURN array_to_string(v_pages, '|');
END
$$;
CREATE FUNCTION pg_temp.own(p_arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.pages('list_admin_events', p_arguments) $$;
CREATE FUNCTION pg_temp.every(p_arguments text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.pages('list_all_admin_events', p_arguments) $$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'with tap-a named');
SELECT is(pg_temp.own(arguments), pages, 'its pages with ' || arguments)
FROM (VALUES
    ('p_limit => 1',                                                     '9|8|7|6|5|4|3|2|1'),
    ('p_limit => 1, p_order => ''asc''',                                 '1|2|3|4|5|6|7|8|9'),
    ('p_limit => 4',                                                     '9876|5432|1'),
    ('p_limit => 4, p_order => ''asc''',                                 '1234|5678|9'),
    ('p_limit => 9',                                                     '987654321'),
    ('p_limit => 8',                                                     '98765432|1'),
    ('p_limit => 3, p_start_time => ''2001-01-01 00:00:00.123456+00''',  '987|654|32'),
    ('p_limit => 3, p_order => ''asc'', p_end_time => ''2001-01-01 00:00:00.123457+00''', '123|456|78'),
    ('p_limit => 2, p_api_key_id => ''0123456789abcdef''',               '32|1'),
    ('p_limit => 2, p_order => ''asc'', p_api_key_id => ''0123456789abcdef''', '12|3'),
    ('p_limit => 2, p_act => ''api key issued''',                        '3'),
    ('p_limit => 9, p_order => ''asc'', p_act => ''records exported''',  '12456789'),
    ('p_limit => 9, p_act => ''proof secret rotated''',                  ''),
    ('p_limit => 9, p_api_key_id => ''nobody''''s''',                    ''),
    ('p_limit => 9, p_start_time => ''-infinity'', p_end_time => ''infinity''', '987654321')) AS p (arguments, pages);

-- A cursor is the page it was, with these filters and this order, and refused with others.
SELECT audit.list_admin_events(p_limit => 4)::json ->> 'next_cursor' AS after_four \gset
SELECT lives_ok(format('SELECT audit.list_admin_events(p_cursor => %L, p_limit => 2)', :'after_four'), 'a cursor serves its list');
SELECT throws_ok(format('SELECT audit.list_admin_events(p_cursor => %L %s)', :'after_four', argument), 'RF003',
    'the cursor does not belong to this list', 'a cursor is refused with ' || said)
FROM (VALUES
    (', p_order => ''asc''',                         'the other order'),
    (', p_act => ''records exported''',              'an act'),
    (', p_api_key_id => ''0123456789abcdef''',       'a key'),
    (', p_start_time => ''2001-01-01 00:00:00+00''', 'a start'),
    (', p_end_time => ''2001-01-01 00:00:00+00''',   'an end')) AS other (argument, said);
SELECT throws_ok(format('SELECT audit.list_admin_events(p_cursor => %L)', tampered), 'RF003',
    'the cursor does not belong to this list', 'a cursor is refused with ' || said)
FROM (VALUES
    (overlay(:'after_four' PLACING '8' FROM 1 FOR 1),            'another time'),
    (overlay(:'after_four' PLACING '1' FROM 48 FOR 1),           'another id'),
    (overlay(:'after_four' PLACING
             translate(right(:'after_four', 1), '0123456789abcdef', '123456789abcdef0') FROM length(:'after_four') FOR 1),
             'another digest'),
    ('0' || :'after_four',                                       'a leading zero'),
    (upper(:'after_four'),                                       'upper case'),
    (left(:'after_four', -1),                                    'a digit less'),
    ('',                                                         'nothing in it'),
    ('--',                                                       'three empty parts'),
    (:'after_four' || '-0',                                      'a part more'),
    (overlay(:'after_four' PLACING 'x' FROM 1 FOR 1),            'a time that is no number'),
    (overlay(:'after_four' PLACING 'x' FROM 48 FOR 1),           'an id that is none'),
    ('1' || repeat('0', 18) || substring(:'after_four' FROM 16), 'a time of nineteen digits'),
    (repeat('9', 10000) || :'after_four',                        'ten thousand digits more')) AS changed (tampered, said);
-- One that somebody has made up, for a position outside of the window, shows nothing beyond the window.
SELECT is(
    (SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(audit.list_admin_events(
         p_cursor => audit.admin_events_cursor(978307200123459, '00000000-0000-0000-0000-000000000000', 'tap-a', NULL, NULL, NULL,
                                               '2001-01-01 00:00:00.123456+00', 'desc'),
         p_end_time => '2001-01-01 00:00:00.123456+00')::json -> 'items') AS item),
    '1', 'newest first, a cursor beyond the end of the window begins at its end');
SELECT is(
    (SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(audit.list_admin_events(
         p_cursor => audit.admin_events_cursor(978307200000000, '00000000-0000-0000-0000-000000000000', 'tap-a', NULL, NULL,
                                               '2001-01-01 00:00:00.123457+00', NULL, 'asc'),
         p_order => 'asc', p_start_time => '2001-01-01 00:00:00.123457+00')::json -> 'items') AS item),
    '9', 'oldest first, a cursor before the window begins at its start');
SELECT throws_ok(format('SELECT audit.list_admin_events(%s)', argument), 'RF003', message, 'refused: ' || argument)
FROM (VALUES
    ('p_order => ''newest''',   'order is asc or desc'),
    ('p_order => NULL',         'order is asc or desc'),
    ('p_act => ''key issued''', 'act is none that is recorded'),
    ('p_limit => 0',            'limit is a number from 1 to 1000'),
    ('p_limit => 1001',         'limit is a number from 1 to 1000')) AS a (argument, message);
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'with tap-b named');
SELECT throws_ok(format('SELECT audit.list_admin_events(p_cursor => %L)', :'after_four'), 'RF003',
    'the cursor does not belong to this list', 'a cursor of tap-a is refused');
SELECT is(pg_temp.own('p_limit => 9'), '4321', 'and its own events are listed');
SELECT set_config('app.tenant_id', 'tap-unknown', true) \gset
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF002', 'the tenant is not registered', 'a tenant that nobody registered has no list');

-- The acts that a list can be filtered by are those that the table takes.
RESET SESSION AUTHORIZATION;
SELECT set_eq(
    $$SELECT a[1] FROM regexp_matches(pg_get_constraintdef((SELECT oid FROM pg_constraint WHERE conname = 'admin_events_act_known')),
        '''([a-z ]+)''::text', 'g') AS a$$,
    $$SELECT a[1] FROM regexp_matches((SELECT prosrc FROM pg_proc WHERE proname = 'admin_events_page'),
        '''((?:api key|proof secret|records?|tenant|epoch|retention|hold|person|view link) [a-z ]+)''', 'g') AS a$$,
    'every act is one to filter by');

-- Administrators read all of it: of every tenant, of one, and of none.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.every(arguments), pages, 'an administrator''s pages with ' || arguments)
FROM (VALUES
    ('p_limit => 10',                                            '9543218765|4321'),
    ('p_limit => 10, p_order => ''asc''',                        '1234567812|3459'),
    ('p_limit => 5, p_tenant_id => ''tap-a''',                   '98765|4321'),
    ('p_limit => 9, p_tenant_id => ''tap-b''',                   '4321'),
    ('p_limit => 9, p_act => ''proof secret rotated''',          '5'),
    ('p_limit => 9, p_act => ''api key issued''',                '3'),
    ('p_limit => 2, p_api_key_id => ''0123456789abcdef''',       '32|1'),
    ('p_start_time => ''2001-01-01 00:00:00.123457+00''',        '9'),
    ('p_end_time => ''2001-01-01 00:00:00.123456+00''',          '1')) AS p (arguments, pages);
SELECT throws_ok('SELECT audit.list_all_admin_events(p_tenant_id => ''tap-unknown'')', 'RF002', 'the tenant is not registered',
    'a tenant that nobody registered is no empty list for them either');
SELECT throws_ok(format('SELECT audit.list_all_admin_events(p_cursor => %L)', :'after_four'), 'RF003',
    'the cursor does not belong to this list', 'nor is the cursor of a tenant''s list one of theirs');
SELECT throws_ok('SELECT FROM audit.admin_events', '42501', 'permission denied for table admin_events', 'they read no table');
SELECT throws_ok('SELECT audit.admin_events_page(NULL, NULL, NULL, NULL, NULL, 1, NULL, ''desc'')', '42501',
    'permission denied for function admin_events_page', 'nor the page past its function');
-- And nobody else does, whatever is set.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('SELECT audit.list_all_admin_events()', '42501', 'permission denied for function list_all_admin_events', 'the service does not');
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key of tap-a');
SELECT set_config('app.scope', 'administer', true) \gset
SELECT is((SELECT count(DISTINCT item ->> 'tenant_id') FROM json_array_elements(audit.list_admin_events()::json -> 'items') AS item), 1::bigint,
    'it lists one tenant, with the scope set by hand that the administrators'' function sets');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', '', true) \gset
SELECT is((SELECT count(DISTINCT item ->> 'tenant_id')
           FROM json_array_elements(audit.admin_events_page(NULL, NULL, NULL, NULL, NULL, 1000, NULL, 'desc')::json -> 'items') AS item), 1::bigint,
    'nor does a gateway see another tenant''s, where it names none to the page');

SELECT * FROM finish();
ROLLBACK;
