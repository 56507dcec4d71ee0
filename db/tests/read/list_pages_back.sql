-- Proves: previous_cursor, with the other order, gives the page before, nearest first, from every page of a list, also among
-- records that share their time, in a window and with filters; and it serves that list alone.

BEGIN;
SELECT plan(28);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

-- Nine records, seven of them of one instant; and neighbours in another tenant at the same instant.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at, api_key_id, context)
SELECT format('01900000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'tap-a', 'agent', 't', 'u', 'LIVE', 'success', 200,
       timestamptz '2001-01-01 00:00:00.123456+00' + CASE n WHEN 1 THEN '-1 microsecond' WHEN 9 THEN '1 microsecond' ELSE '0' END::interval,
       'k1', '{"event": "paid"}'
FROM generate_series(1, 9) AS n;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT gen_random_uuid(), 'tap-b', 'agent', '2001-01-01 00:00:00.123456+00' FROM generate_series(1, 5);

CREATE FUNCTION pg_temp.page(p_order text, p_limit int, p_cursor text, p_filter text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    v_page text;
BEGIN
    EXECUTE format('SELECT audit.list_audit_logs(p_order => %L, p_limit => %s, p_cursor => %L %s)', p_order, p_limit, p_cursor, p_filter)
        INTO v_page;
    RETURN v_page;
END $$;
-- The last digits of a page's ids.
CREATE FUNCTION pg_temp.digits(p_page json) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(right(item ->> 'id', 1), ''), '') FROM json_array_elements(p_page -> 'items') AS item
$$;
-- All pages, one after the other, a bar between two; from each one back to the page before and to this one again, which
-- say where they differ.
CREATE FUNCTION pg_temp.back_and_forth(p_order text, p_limit int, p_filter text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_other text := CASE p_order WHEN 'desc' THEN 'asc' ELSE 'desc' END;
    v_page  json := pg_temp.page(p_order, p_limit, NULL, p_filter);
    v_back  json;
    v_pages text[] := '{}';
    v_last  text := '';
BEGIN
    LOOP
        v_back := pg_temp.page(v_other, p_limit, v_page ->> 'previous_cursor', p_filter);
        v_pages := v_pages || (pg_temp.digits(v_page)
            || CASE WHEN reverse(pg_temp.digits(v_back)) <> v_last THEN ' after ' || pg_temp.digits(v_back) ELSE '' END
            || CASE WHEN v_last <> '' AND pg_temp.digits(pg_temp.page(p_order, p_limit, v_back ->> 'previous_cursor', p_filter)) <> pg_temp.digits(v_page)
                    THEN ' and never again' ELSE '' END);
        v_last := pg_temp.digits(v_page);
        EXIT WHEN v_page ->> 'next_cursor' IS NULL OR cardinality(v_pages) > 20;
        v_page := pg_temp.page(p_order, p_limit, v_page ->> 'next_cursor', p_filter);
    END LOOP;
    RETURN array_to_string(v_pages, '|');
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO audit_app', pg_my_temp_schema()::regnamespace); END $$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.back_and_forth('desc', 1), '9|8|7|6|5|4|3|2|1', 'newest first, one by one');
SELECT is(pg_temp.back_and_forth('asc', 1), '1|2|3|4|5|6|7|8|9', 'oldest first, one by one');
SELECT is(pg_temp.back_and_forth('desc', 2), '98|76|54|32|1', 'newest first, two by two');
SELECT is(pg_temp.back_and_forth('asc', 4), '1234|5678|9', 'oldest first, by four');
SELECT is(pg_temp.back_and_forth('desc', 9), '987654321', 'before a page of all there is nothing');
SELECT is(pg_temp.back_and_forth('desc', 3, filter), '987|654|321', said || ', newest first')
FROM (VALUES
    (', p_agent_id => ''agent''',                                                                      'of an agent'),
    (', p_context => ''{"event": "paid"}''',                                                           'of a context'),
    (', p_start_time => ''2001-01-01 00:00:00+00'', p_end_time => ''2001-01-02 00:00:00+00''',         'of a window'),
    (', p_agent_id => ''agent'', p_trace_id => ''t'', p_user_id => ''u'', p_mode => ''LIVE'', p_status => ''success'', p_http_status => 200,
        p_api_key_id => ''k1'', p_context => ''{"event": "paid"}'', p_start_time => ''2001-01-01 00:00:00+00'', p_end_time => ''2001-01-02 00:00:00+00''',
                                                                                                       'of every filter')) AS f (filter, said);
SELECT is(pg_temp.back_and_forth('desc', 3, ', p_start_time => ''2001-01-01 00:00:00.123456+00'', p_end_time => ''2001-01-01 00:00:00.123457+00'''),
    '876|543|2', 'nothing beyond the start and the end of a window');
SELECT is(pg_temp.page('desc', 2, NULL, ', p_agent_id => ''nobody''') ->> 'previous_cursor', NULL, 'an empty page has none');

-- Records that arrive lie before the first page.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SELECT pg_temp.page('desc', 4, NULL, '') ->> 'previous_cursor' AS before_first,
       pg_temp.page('desc', 4, NULL, ', p_agent_id => ''agent''') ->> 'previous_cursor' AS of_agent \gset
SELECT is(pg_temp.page('asc', 4, :'before_first', '') ->> 'count', '0', 'before the first page there is nothing');
SELECT audit.insert_audit_log('new', 'LIVE', 'success') \gset
SELECT is(pg_temp.page('asc', 4, :'before_first', '') #>> '{items,0,agent_id}', 'new', 'until a record arrives');

-- With anything but the other order it is refused.
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_cursor => %L %s)', :'before_first', argument), 'RF003',
    'the cursor does not belong to this list', 'a previous cursor is refused with ' || said)
FROM (VALUES
    ('',                                                                   'the order that it came from'),
    (', p_order => ''asc'', p_agent_id => ''agent''',                      'an agent'),
    (', p_order => ''asc'', p_trace_id => ''t''',                          'a trace'),
    (', p_order => ''asc'', p_user_id => ''u''',                           'a user'),
    (', p_order => ''asc'', p_mode => ''LIVE''',                           'a mode'),
    (', p_order => ''asc'', p_status => ''success''',                      'a status'),
    (', p_order => ''asc'', p_http_status => 200',                         'an HTTP status'),
    (', p_order => ''asc'', p_start_time => ''2001-01-01 00:00:00+00''',   'a start'),
    (', p_order => ''asc'', p_end_time => ''2001-01-02 00:00:00+00''',     'an end'),
    (', p_order => ''asc'', p_api_key_id => ''k1''',                       'a key'),
    (', p_order => ''asc'', p_context => ''{"event": "paid"}''',           'a context')) AS other (argument, said);
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_order => ''asc'', p_cursor => %L)', :'of_agent'), 'RF003',
    'the cursor does not belong to this list', 'one of an agent is refused without the agent');
SET LOCAL app.tenant_id = 'tap-b';
SELECT throws_ok(format('SELECT audit.list_audit_logs(p_order => ''asc'', p_cursor => %L)', :'before_first'), 'RF003',
    'the cursor does not belong to this list', 'one of tap-a is refused to tap-b');
SET LOCAL app.tenant_id = 'tap-a';
SELECT lives_ok(format('SELECT audit.list_audit_logs(p_order => ''asc'', p_cursor => %L)', :'before_first'), 'the same cursor serves tap-a');

-- With a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.back_and_forth('desc', 4, ', p_agent_id => ''agent'''), '9876|5432|1', 'with a key');

SELECT * FROM finish();
ROLLBACK;
