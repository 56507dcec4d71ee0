-- Proves: a key that shows a part of its tenant exports that part, in both formats and orders, whatever the state says, and no evidence; and each
-- export is recorded. Beside a key that shows the whole.

BEGIN;
SELECT plan(36);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
\ir ../support/part.sql
SELECT audit.issue_api_key('tap-a', 'tap') AS key, pg_temp.restricted('tap-a', '{"agent_id": "one"}') AS one, pg_temp.restricted('tap-a',
    '{"start_time": "2026-01-01T00:03:00Z", "end_time": "2026-01-01T00:07:00Z"}') AS times \gset
\ir ../support/key_id.sql
-- What is exported, as the last digits of the ids; the last line is the count that ends the file.
CREATE FUNCTION pg_temp.lines(p_state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_text text;
BEGIN
    PERFORM audit.continue_export(p_state);
    SELECT string_agg(convert_from(part.lines, 'UTF8'), '') INTO v_text FROM audit.export_audit_logs() AS part;
    RETURN concat(
        (SELECT string_agg(m[1], '' ORDER BY n) FROM regexp_matches(v_text, '01900000-0000-7000-8000-0000000000a(\d)', 'g') WITH ORDINALITY AS r (m, n)),
        CASE WHEN v_text LIKE '%0000b%' THEN ' and others' END, ' of ', substring(v_text FROM '(?:"count": |#complete,)(\d+)'));
END
$$;
CREATE FUNCTION pg_temp.exported(p_key text, p_format text, p_arguments text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state text;
BEGIN
    PERFORM audit.enter_tenant(p_key);
    EXECUTE format('SELECT audit.begin_export(%L, %L %s)', p_key, p_format, p_arguments) INTO v_state;
    RETURN pg_temp.lines(v_state);
END
$$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO audit_app', pg_my_temp_schema()::regnamespace); END $$;

SET LOCAL SESSION AUTHORIZATION audit_app;
-- First of all: later the session has heard of app.export.
SELECT audit.enter_tenant(:'one') \gset
SELECT throws_ok('SELECT audit.export_audit_logs()', 'RF003', 'no export is under way in this transaction', 'nothing is exported before an export begins');
SELECT is(pg_temp.exported(:'key', form), '87654321 of 8', form || ': the whole') FROM (VALUES ('ndjson'), ('csv')) AS f (form);
SELECT is(pg_temp.exported(:'one', form), '7521 of 4', form || ': a part') FROM (VALUES ('ndjson'), ('csv')) AS f (form);
SELECT is(pg_temp.exported(:'times', form), '6543 of 4', form || ': a window') FROM (VALUES ('ndjson'), ('csv')) AS f (form);
SELECT is(pg_temp.exported(key, 'ndjson', ', p_order => ''asc'''), lines, 'oldest first: ' || lines)
FROM (VALUES (:'key', '12345678 of 8'), (:'one', '1257 of 4'), (:'times', '3456 of 4')) AS k (key, lines);
SELECT is(pg_temp.exported(key, 'ndjson', ', p_user_id => ''u1'''), lines, 'of a user: ' || lines)
FROM (VALUES (:'key', '7631 of 4'), (:'one', '71 of 2'), (:'times', '63 of 2')) AS k (key, lines);
SELECT is(pg_temp.exported(key, 'ndjson', ', p_agent_id => ''two'''), lines, 'of another agent: ' || lines)
FROM (VALUES (:'key', '8643 of 4'), (:'one', ' of 0'), (:'times', '643 of 3')) AS k (key, lines);
SELECT is(pg_temp.exported(key, 'ndjson', ', p_start_time => ''2026-01-01 00:05:00+00'', p_end_time => ''2027-01-01 00:00:00+00'''), lines, 'of a window: ' || lines)
FROM (VALUES (:'key', '8765 of 4'), (:'one', '75 of 2'), (:'times', '65 of 2')) AS k (key, lines);

-- Any state: one of an export that another key has begun, and made-up ones.
SELECT audit.enter_tenant(:'key') \gset
SELECT audit.begin_export(:'key') AS state \gset
SELECT is(pg_temp.lines(:'state'), '87654321 of 8', 'a state of the whole gives the whole to the key that began it');
SELECT audit.enter_tenant(:'one') \gset
SELECT is(pg_temp.lines(:'state'), '7521 of 4', 'and a part to one that shows a part');
SELECT is(pg_temp.lines(state), lines, 'made up: ' || state)
FROM (VALUES
    ('{"format": "ndjson", "order": "desc", "count": 0, "agent_id": "two"}',                                                      ' of 0'),
    ('{"format": "ndjson", "order": "desc", "count": 0, "newest_time": "2027-01-01T00:00:00Z", "newest_id": null}',               '7521 of 4'),
    ('{"format": "ndjson", "order": "asc", "count": 0, "newest_time": "2027-01-01T00:00:00Z", "newest_id": null}',                '1257 of 4'),
    ('{"format": "csv", "order": "asc", "count": 0, "last_time": "2026-01-01T00:02:30Z", "last_id": "00000000-0000-0000-0000-000000000000"}', '57 of 2'),
    ('{"format": null, "order": null, "count": 0}',                                                                               '7521 of 4')) AS s (state, lines);
SELECT throws_ok($$SELECT audit.begin_export(NULL, 'evidence')$$, 'RF006',
    'the key may not do that: it shows a part of the records, which it lists, counts, gets and exports', 'no evidence is begun');
SELECT audit.continue_export('{"format": "evidence", "epochs": [], "step": "header", "count": 0}') \gset
SELECT throws_ok('SELECT * FROM audit.export_audit_logs()', 'RF006', NULL, 'nor continued, with a state that is made up');
SELECT throws_ok('SELECT * FROM audit.export_proven_audit_logs()', 'RF006', NULL, 'by either road');
SELECT throws_ok($$SELECT * FROM audit.evidence_part('{}')$$, '42501', NULL, 'nor by the function behind it');
SELECT audit.enter_tenant(:'key') \gset
SELECT throws_ok(format('SELECT audit.begin_export(%L, %L)', :'key', 'evidence'), 'RF010', NULL, 'where the whole is told that nothing is sealed yet');

-- A key in the middle of an export that begins with another.
SELECT audit.enter_tenant(:'key') \gset
SELECT is((SELECT count(*) > 0 FROM audit.begin_export(:'one')), true, 'with the whole entered, and a part handed on to be recorded');
SELECT is(current_setting('app.restriction')::jsonb, '{"agent_id": "one"}', 'the part is what goes on');
SELECT audit.enter_tenant(:'one') \gset
SELECT throws_ok($$SELECT audit.begin_export(NULL)$$, 'RF001', NULL, 'a part alone is recorded with its key, too');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.admin_events WHERE tenant_id = 'tap-a' AND act = 'records exported' AND api_key_id = pg_temp.id(:'one')
           AND detail ->> 'format' IN ('ndjson', 'csv')), 7::bigint, 'each export of the part is recorded, with its key');
SELECT is((SELECT count(*) FROM audit.admin_events WHERE tenant_id = 'tap-a' AND detail ->> 'format' LIKE 'evidence%'), 0::bigint, 'and none of evidence');

SELECT * FROM finish();
ROLLBACK;
