-- Proves: the pages of audit.list_audit_logs() give every record once, in both orders, also where many share their time and
-- while new ones arrive; and a cursor serves the list it came from and no other.

BEGIN;
SELECT plan(49);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

-- Nine records, seven of them of one instant; and neighbours in another tenant at the same instant.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT format('01900000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'tap-a', 'agent',
       timestamptz '2001-01-01 00:00:00.123456+00' + CASE n WHEN 1 THEN '-1 microsecond' WHEN 9 THEN '1 microsecond' ELSE '0' END::interval
FROM generate_series(1, 9) AS n;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT gen_random_uuid(), 'tap-b', 'agent', '2001-01-01 00:00:00.123456+00' FROM generate_series(1, 5);

-- All pages, one after the other, as the last digits of the ids, a bar between two pages.
CREATE FUNCTION pg_temp.pages(p_order text, p_limit int, p_filter text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_page   json;
    v_cursor text;
    v_pages  text[];
BEGIN
    LOOP
        EXECUTE format('SELECT audit.list_audit_logs(p_order => %L, p_limit => %s, p_cursor => %L %s)', p_order, p_limit, v_cursor, p_filter)
            INTO v_page;
        v_pages := v_pages || (SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(v_page -> 'items') AS item);
        v_cursor := v_page ->> 'next_cursor';
        EXIT WHEN v_cursor IS NULL OR cardinality(v_pages) > 20;
    END LOOP;
    RETURN array_to_string(v_pages, '|');
END
$$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.pages('desc', 1), '9|8|7|6|5|4|3|2|1', 'newest first, one by one');
SELECT is(pg_temp.pages('asc', 1), '1|2|3|4|5|6|7|8|9', 'oldest first, one by one');
SELECT is(pg_temp.pages('desc', 2), '98|76|54|32|1', 'newest first, two by two');
SELECT is(pg_temp.pages('asc', 2), '12|34|56|78|9', 'oldest first, two by two');
SELECT is(pg_temp.pages('desc', 4), '9876|5432|1', 'newest first, by four');
SELECT is(pg_temp.pages('asc', 4), '1234|5678|9', 'oldest first, by four');
SELECT is(pg_temp.pages('desc', 9), '987654321', 'a page of exactly what there is has no next');
SELECT is(pg_temp.pages('desc', 8), '98765432|1', 'a page of one less has');
SELECT is(pg_temp.pages('desc', 3, ', p_start_time => ''2001-01-01 00:00:00.123456+00'''), '987|654|32',
    'pages of a window, its start included');
SELECT is(pg_temp.pages('asc', 3, ', p_end_time => ''2001-01-01 00:00:00.123457+00'''), '123|456|78',
    'pages of a window, its end not');
SELECT is(pg_temp.pages('asc', 5, ', p_start_time => ''-infinity'', p_end_time => ''infinity'''), '12345|6789',
    'pages of an endless window');
SELECT is(pg_temp.pages('asc', 5, ', p_agent_id => ''agent'''), '12345|6789', 'pages of one agent');
SELECT is(pg_temp.pages('desc', 5, ', p_agent_id => ''agent'''), '98765|4321', 'and the newest first');

-- has_more and count, at the end and before it.
SELECT results_eq(
    $$SELECT page ->> 'count', page ->> 'has_more', page ->> 'next_cursor' IS NULL
      FROM (SELECT audit.list_audit_logs(p_limit => 4)::json UNION ALL SELECT audit.list_audit_logs(p_limit => 9)::json) AS p (page)$$,
    $$VALUES ('4', 'true', false), ('9', 'false', true)$$, 'there is a next_cursor exactly when there is more');

-- New records between two pages: at the top they do not push others onto the next page, and none is given twice.
SELECT audit.list_audit_logs(p_limit => 4)::json ->> 'next_cursor' AS after_four,
       audit.list_audit_logs(p_limit => 4, p_order => 'asc')::json ->> 'next_cursor' AS after_four_ascending \gset
SELECT audit.insert_audit_log('new', 'LIVE', 'success') \gset
SELECT is(
    (SELECT string_agg(right(item ->> 'id', 1),
    '') FROM json_array_elements(audit.list_audit_logs(p_cursor => :'after_four')::json -> 'items') AS item),
    '54321', 'newest first, a new record changes nothing on the pages to come');
SELECT is(
    audit.list_audit_logs(p_cursor => :'after_four_ascending', p_order => 'asc')::json #>> '{items,5,agent_id}', 'new',
    'oldest first, it comes at the end');

-- A cursor is the page it was, whenever it is used.
SELECT is(audit.list_audit_logs(p_cursor => :'after_four', p_limit => 1)::json #>> '{items,0,id}',
    '01900000-0000-7000-8000-000000000005', 'a cursor may be used twice, and with another limit');
SELECT is(audit.list_audit_logs(p_cursor => :'after_four', p_limit => 3)::json ->> 'count', '3', 'or for a larger page');

-- With anything else it is refused.
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_cursor => %L %s)', :'after_four', argument), 'RF003',
    'the cursor does not belong to this list', 'a cursor is refused with ' || said)
FROM (VALUES
    (', p_order => ''asc''',                         'the other order'),
    (', p_agent_id => ''agent''',                    'an agent'),
    (', p_trace_id => ''t''',                        'a trace'),
    (', p_user_id => ''agent''',                     'a user'),
    (', p_mode => ''LIVE''',                         'a mode'),
    (', p_status => ''success''',                    'a status'),
    (', p_http_status => 200',                       'an HTTP status'),
    (', p_start_time => ''2001-01-01 00:00:00+00''', 'a start'),
    (', p_end_time => ''2001-01-01 00:00:00+00''',   'an end')) AS other (argument, said);

-- Tampered with: another position, another id, another digest, more, less.
SELECT matches(:'after_four'::text, '^[0-9]{15}-[0-9a-f]{32}-[0-9a-f]{16}$',
    'a cursor has three parts: microseconds, id, digest');
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_cursor => %L)', tampered), 'RF003',
    'the cursor does not belong to this list', 'a cursor is refused with ' || said)
FROM (VALUES
    (overlay(:'after_four' PLACING '8' FROM 1 FOR 1),            'another time'),
    (overlay(:'after_four' PLACING '1' FROM 48 FOR 1),           'another id'),
    (overlay(:'after_four' PLACING
             translate(right(:'after_four', 1), '0123456789abcdef', '123456789abcdef0') FROM length(:'after_four') FOR 1),
             'another digest'),
    ('0' || :'after_four',                                       'a leading zero'),
    (:'after_four' || E'\n',                                     'a new line at its end'),
    (upper(:'after_four'),                                       'upper case'),
    (left(:'after_four', -1),                                    'a digit less'),
    ('',                                                         'nothing in it'),
    ('--',                                                       'three empty parts'),
    (:'after_four' || '-0',                                      'a part more'),
    (split_part(:'after_four', '-', 1),                          'its first part alone'),
    (overlay(:'after_four' PLACING 'x' FROM 1 FOR 1),            'a time that is no number'),
    (overlay(:'after_four' PLACING 'x' FROM 48 FOR 1),           'an id that is none'),
    (overlay(:'after_four' PLACING '' FROM 48 FOR 1),            'an id that is too short'),
    ('1' || repeat('0', 18) || substring(:'after_four' FROM 16), 'a time of nineteen digits'),
    (repeat('9', 10000) || :'after_four',                        'ten thousand digits more')) AS changed (tampered, said);

-- A cursor that somebody has made up, for a position outside of the window, shows nothing beyond the window.
SELECT is(
    (SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(audit.list_audit_logs(
         p_cursor => audit.page_cursor(978307200123459, '00000000-0000-0000-0000-000000000000', 'tap-a', 'desc', NULL, NULL, NULL, NULL, NULL,
                                       NULL, NULL, '2001-01-01 00:00:00.123456+00', NULL, NULL),
         p_end_time => '2001-01-01 00:00:00.123456+00')::json -> 'items') AS item),
    '1', 'newest first, a cursor beyond the end of the window begins at its end');
SELECT is(
    (SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(audit.list_audit_logs(
         p_cursor => audit.page_cursor(978307200000000, '00000000-0000-0000-0000-000000000000', 'tap-a', 'asc', NULL, NULL, NULL, NULL, NULL,
                                       NULL, '2001-01-01 00:00:00.123457+00', '2002-01-01 00:00:00+00', NULL, NULL),
         p_order => 'asc', p_start_time => '2001-01-01 00:00:00.123457+00', p_end_time => '2002-01-01 00:00:00+00')::json -> 'items') AS item),
    '9', 'oldest first, a cursor before the window begins at its start');

-- Of another tenant.
SET LOCAL app.tenant_id = 'tap-b';
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_cursor => %L)', :'after_four'), 'RF003',
    'the cursor does not belong to this list', 'a cursor of tap-a is refused to tap-b');
SELECT is(pg_temp.pages('asc', 2) ~ '^..\|..\|.$', true, 'the pages of tap-b have its own five records');
SET LOCAL app.tenant_id = 'tap-a';
SELECT lives_ok(format('SELECT audit.list_audit_logs(p_cursor => %L)', :'after_four'), 'the same cursor serves tap-a');

SELECT * FROM finish();
ROLLBACK;
