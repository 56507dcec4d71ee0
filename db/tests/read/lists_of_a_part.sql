-- Proves: a key that shows a part of its tenant lists, counts and gets what lies in it, by filters, windows and cursors in both orders; and nothing else
-- may be asked with it. Each beside a key that shows the whole.

BEGIN;
SELECT plan(289);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
\ir ../support/part.sql
SELECT audit.issue_api_key('tap-a', 'tap') AS key, pg_temp.restricted('tap-a', '{"agent_id": "one"}') AS one,
       pg_temp.restricted('tap-a', '{"start_time": "2026-01-01T00:03:00Z", "end_time": "2026-01-01T00:07:00Z"}') AS times,
       pg_temp.restricted('tap-a', '{"agent_id": "two", "user_id": "u1", "end_time": "2026-01-01T00:06:00.000001Z"}') AS several \gset

-- All pages, one after the other, as the last digits of the ids, a bar between two pages.
CREATE FUNCTION pg_temp.pages(p_key text, p_order text, p_limit int, p_filter text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_page   json;
    v_cursor text;
    v_pages  text[];
BEGIN
    PERFORM audit.enter_tenant(p_key);
    LOOP
        EXECUTE format('SELECT audit.list_audit_logs(p_order => %L, p_limit => %s, p_cursor => %L %s)', p_order, p_limit, v_cursor, p_filter)
            INTO v_page;
        v_pages := v_pages || (SELECT coalesce(string_agg(right(item ->> 'id', 1), ''), '-') FROM json_array_elements(v_page -> 'items') AS item);
        v_cursor := v_page ->> 'next_cursor';
        EXIT WHEN v_cursor IS NULL OR cardinality(v_pages) > 20;
    END LOOP;
    RETURN array_to_string(v_pages, '|');
END
$$;
CREATE FUNCTION pg_temp.counted(p_key text, p_filter text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_counts json;
BEGIN
    PERFORM audit.enter_tenant(p_key);
    EXECUTE format('SELECT audit.count_audit_logs(%s)', ltrim(p_filter, ', ')) INTO v_counts;
    RETURN concat_ws(' ', v_counts ->> 'count', CASE WHEN (v_counts ->> 'is_complete')::boolean THEN 'in all' END);
END
$$;
CREATE FUNCTION pg_temp.after(p_key text, p_cursor text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(right(item ->> 'id', 1), '') FROM audit.enter_tenant(p_key)
    CROSS JOIN LATERAL json_array_elements(audit.list_audit_logs(p_cursor => p_cursor)::json -> 'items') AS item
$$;
CREATE FUNCTION pg_temp.got(p_key text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(right(audit.get_audit_log(('01900000-0000-7000-8000-0000000000' || n)::uuid)::json ->> 'id', 2), ' ' ORDER BY n)
    FROM audit.enter_tenant(p_key) CROSS JOIN unnest(ARRAY['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'b1', 'b3']) AS n
$$;
CREATE FUNCTION pg_temp.asked(p_key text, p_statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit.enter_tenant(p_key);
    EXECUTE 'SELECT ' || p_statement;
    RETURN 'answered';
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END
$$;
-- filter, and what each key lists by it, newest first
CREATE TEMPORARY TABLE list (number int GENERATED ALWAYS AS IDENTITY, filter text, shown text[]);
INSERT INTO list (filter, shown) VALUES
    ('',                                                 '{87654321,7521,6543,63}'),
    (', p_agent_id => ''one''',                          '{7521,7521,5,-}'),
    (', p_agent_id => ''two''',                          '{8643,-,643,63}'),
    (', p_trace_id => ''t1''',                           '{8531,51,53,3}'),
    (', p_user_id => ''u1''',                            '{7631,71,63,63}'),
    (', p_user_id => ''u2''',                            '{852,52,5,-}'),
    (', p_mode => ''LIVE''',                             '{7531,751,53,3}'),
    (', p_status => ''success''',                        '{761,71,6,6}'),
    (', p_mode => ''DRY_RUN'', p_status => ''error''',   '{82,2,-,-}'),
    (', p_agent_id => ''two'', p_mode => ''LIVE''',      '{3,-,3,3}'),
    (', p_http_status => 200',                           '{-,-,-,-}'),
    (', p_api_key_id => ''0123456789abcdef''',           '{-,-,-,-}'),
    (', p_start_time => ''2026-01-01 00:05:00+00''',     '{8765,75,65,6}'),
    (', p_end_time => ''2026-01-01 00:05:00+00''',       '{4321,21,43,3}'),
    (', p_start_time => ''2026-01-01 00:01:00+00'', p_end_time => ''2026-01-01 00:09:00+00''', '{87654321,7521,6543,63}'),
    (', p_start_time => ''2026-01-01 00:04:00+00'', p_end_time => ''2026-01-01 00:06:00+00''', '{54,5,54,-}'),
    (', p_start_time => ''2026-01-01 00:07:00+00''',     '{87,7,-,-}'),
    (', p_end_time => ''2026-01-01 00:03:00+00''',       '{21,21,-,-}'),
    (', p_start_time => ''-infinity'', p_end_time => ''infinity''', '{87654321,7521,6543,63}');
CREATE TEMPORARY TABLE shower (number int, said text, key text);
INSERT INTO shower VALUES (1, 'the whole', :'key'), (2, 'an agent', :'one'), (3, 'a window', :'times'), (4, 'a user of an agent', :'several');
GRANT SELECT ON list, shower TO audit_keyed;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO audit_app', pg_my_temp_schema()::regnamespace); END $$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.pages(s.key, 'desc', 50, l.filter), l.shown[s.number], format('%s, newest first%s', s.said, l.filter))
FROM list AS l CROSS JOIN shower AS s;
SELECT is(pg_temp.pages(s.key, 'asc', 50, l.filter), reverse(l.shown[s.number]), format('%s, oldest first%s', s.said, l.filter))
FROM list AS l CROSS JOIN shower AS s;
SELECT is(pg_temp.pages(s.key, 'desc', 1, l.filter), regexp_replace(l.shown[s.number], '(.)(?=.)', '\1|', 'g'), format('%s, one by one%s', s.said, l.filter))
FROM list AS l CROSS JOIN shower AS s WHERE l.number IN (1, 2, 4, 7, 13, 14);
SELECT is(pg_temp.pages(s.key, 'asc', 2, ''), pages, format('%s, oldest first, two by two', s.said))
FROM shower AS s JOIN (VALUES (1, '12|34|56|78'), (2, '12|57'), (3, '34|56'), (4, '36')) AS p (number, pages) USING (number);
SELECT is(pg_temp.counted(s.key, l.filter), length(replace(l.shown[s.number], '-', '')) || ' in all', format('%s, counted%s', s.said, l.filter))
FROM list AS l CROSS JOIN shower AS s;

-- A cursor names a position, and not what is shown beyond it.
SELECT audit.enter_tenant(:'key') \gset
SELECT audit.list_audit_logs(p_limit => 1)::json ->> 'next_cursor' AS cursor \gset
SELECT is(pg_temp.after(:'key', :'cursor'), '7654321', 'after a cursor of the whole');
SELECT is(pg_temp.after(:'one', :'cursor'), '7521', 'the same cursor shows a part what lies in it');
SELECT is(pg_temp.after(:'times', audit.page_cursor((extract(epoch FROM timestamptz '2026-01-01 00:08:30+00') * 1000000)::bigint,
    'ffffffff-ffff-ffff-ffff-ffffffffffff', 'tap-a', 'desc', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)), '6543',
    'one that is made up, beyond the window, begins at its end');

-- One record.
SELECT is(pg_temp.got(s.key), got, format('%s: these are got by their ids, and the others are not there', s.said))
FROM shower AS s JOIN (VALUES (1, 'a1 a2 a3 a4 a5 a6 a7 a8'), (2, 'a1 a2 a5 a7'), (3, 'a3 a4 a5 a6'), (4, 'a3 a6')) AS p (number, got) USING (number);

-- Nothing else.
SELECT is(pg_temp.asked(:'key', statement), answer, format('the whole: %s: %s', statement, answer))
FROM (VALUES ('audit.list_admin_events()', 'answered'), ('audit.get_leaf(gen_random_uuid())', 'answered'),
             ('audit.get_checkpoint()', 'RF010 not sealed yet'), ('audit.get_inclusion_proof(gen_random_uuid())', 'answered'),
             ('audit.get_consistency_proof(0, 0)', 'RF010 not sealed yet'), ('audit.summarize_audit_logs()', 'answered'), ('audit.read_feed()', 'answered'), ('audit.record_api_key_use(''read'')', 'answered')) AS s (statement, answer);
SELECT is(pg_temp.asked(:'one', statement), 'RF006 the key may not do that: it shows a part of the records, which it lists, counts, gets and exports',
    format('a part: %s is refused', statement))
FROM (VALUES ('audit.list_admin_events()'), ('audit.get_leaf(gen_random_uuid())'), ('audit.get_checkpoint()'),
             ('audit.get_inclusion_proof(gen_random_uuid())'), ('audit.get_consistency_proof(0, 0)'), ('audit.begin_evidence(NULL, NULL)'), ('audit.summarize_audit_logs()'),
             ('audit.summarize_audit_logs(0)'), ('audit.read_feed()'), ('audit.record_export(NULL, ''{"format": "evidence"}'')'), ('audit.record_export(NULL, ''{"format": "evidence of a window"}'')'),
             ('audit.record_export(NULL)')) AS s (statement);
SELECT is(pg_temp.asked(:'one', statement), 'RF006 the API key has not the scope write', format('a part: %s is refused', statement))
FROM (VALUES ('audit.insert_audit_log(''one'', ''LIVE'', ''success'')'), ('audit.record_api_key_use(''write'')'),
             ('audit.claim_idempotency_key(''k'', sha256(''a''), ''a'')')) AS s (statement);
SELECT is(pg_temp.asked(:'one', 'audit.record_api_key_use(''read'')'), 'answered', 'its use is noted');
SELECT audit.enter_tenant(:'one') \gset
SELECT is(audit.are_stored('[{"id": "01900000-0000-7000-8000-0000000000a1", "agent_id": "one", "mode": "LIVE", "status": "success", "trace_id": "t1", "user_id": "u1"}]'),
    false, 'nor does it tell whether a record is stored, be it one that it shows');
SELECT audit.enter_tenant(:'key') \gset
SELECT is(audit.are_stored('[{"id": "01900000-0000-7000-8000-0000000000a1", "agent_id": "one", "mode": "LIVE", "status": "success", "trace_id": "t1", "user_id": "u1"}]'),
    true, 'as a key that writes does');

SELECT * FROM finish();
ROLLBACK;
