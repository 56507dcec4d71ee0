-- Proves: the parts of an export are together all of it, each record once and in order; the state beside each line goes on right after
-- it; none but the last says that the export is complete; and what is written meanwhile is for the next export.

BEGIN;
SELECT plan(29);

SELECT audit.create_tenant('tap-many') \gset
SELECT audit.issue_api_key('tap-many', 'tap') AS key \gset
\ir ../support/gateway.sql

-- Each page ends amid equal times, and is a part of its own, for its size. But the LIVE records are short.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, error, created_at)
SELECT gen_random_uuid(), 'tap-many', 'agent', 'DRY_RUN', repeat('x', 2000),
       timestamptz '2001-01-01 00:00:00+00' + interval '1 second' * (n / 1700)
FROM generate_series(1, 1800) AS n;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, created_at)
SELECT gen_random_uuid(), 'tap-many', 'agent', 'LIVE', timestamptz '2001-01-01 00:00:09+00' + interval '1 second' * (n / 1700)
FROM generate_series(1, 3300) AS n;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, created_at)
VALUES (gen_random_uuid(), 'tap-many', 'rare', 'LIVE', '2000-12-31 00:00:00+00');

-- What is left of an export after a state, read part by part as the service does.
CREATE FUNCTION pg_temp.rest(p_state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state text := p_state; v_part record; v_text text := '';
BEGIN
    FOR v_number IN 1..9 LOOP
        PERFORM audit.continue_export(v_state);
        FOR v_part IN SELECT * FROM audit.export_audit_logs() LOOP
            v_text := v_text || convert_from(v_part.lines, 'UTF8');
            v_state := v_part.state;
        END LOOP;
        IF v_state IS NULL THEN
            RETURN v_text;
        END IF;
    END LOOP;
    RETURN 'does not end';
END
$$;
CREATE FUNCTION pg_temp.ids(p_text text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(id ORDER BY position)
    FROM string_to_table(p_text, E'\n') WITH ORDINALITY AS l (line, position),
         substring(left(line, 60), '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}') AS id
    WHERE id IS NOT NULL
$$;
CREATE FUNCTION pg_temp.stored(p_order text) RETURNS text[] LANGUAGE sql SECURITY DEFINER AS $$
    SELECT CASE p_order WHEN 'asc' THEN array_agg(id::text ORDER BY created_at, id)
                        ELSE array_agg(id::text ORDER BY created_at DESC, id DESC) END
    FROM audit.audit_logs WHERE tenant_id = 'tap-many'
$$;
CREATE FUNCTION pg_temp.last_line(p_text text) RETURNS text LANGUAGE sql AS $$SELECT substring(right(p_text, 99), '[^\n]*\n$')$$;
CREATE TEMPORARY TABLE part (format text, position int GENERATED ALWAYS AS IDENTITY, text text, state text);
CREATE TEMPORARY TABLE before AS SELECT pg_temp.stored('asc') AS ids;
GRANT ALL ON part, before TO tap_gateway;
PREPARE add_part (text) AS INSERT INTO part (format, text, state)
    SELECT $1, convert_from(lines, 'UTF8'), state FROM audit.export_audit_logs();

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-many') \gset
SELECT is(pg_temp.ids(pg_temp.rest(audit.begin_export(p_format => f, p_order => o))), pg_temp.stored(o),
    format('all of 5,101 records, once and in order: %s, %s', f, o))
FROM (VALUES ('ndjson'), ('csv')) AS formats (f), (VALUES ('asc'), ('desc')) AS orders (o);
SELECT pg_temp.rest(audit.begin_export(p_format => 'csv')) AS csv \gset
SELECT is(regexp_count(:'csv', 'created_at'), 1, 'one header for all parts');
SELECT is(pg_temp.last_line(:'csv'), E'#complete,5101,,,,,,,,,,,,\r\n', 'and one mark, with the number of the records of all of them');
SELECT is(regexp_count(:'csv', '#complete'), 1, 'at the end alone');

-- A part that its size ends.
SELECT audit.begin_export(p_order => 'asc') AS state \gset
SELECT audit.continue_export(:'state') \gset
EXECUTE add_part ('by size');
SELECT is((SELECT count(*) FROM part), 1::bigint, 'the page that makes a part two megabytes is its last');
SELECT isnt((SELECT state FROM part), NULL, 'but not that of the export');
SELECT unalike((SELECT text FROM part), '%complete%', 'nor does it say so');
SELECT is((SELECT length(text) BETWEEN 2000000 AND 2500000 FROM part), true, 'nor is it longer');

-- Short pages are one part. After each of them, and after the header, it can
-- be gone on with.
SELECT audit.begin_export(p_mode => 'LIVE', p_order => 'asc') AS state,
       audit.begin_export(p_format => 'csv', p_mode => 'LIVE', p_order => 'asc') AS csv_state \gset
SELECT audit.continue_export(:'state') \gset
EXECUTE add_part ('ndjson');
SELECT audit.continue_export(:'csv_state') \gset
EXECUTE add_part ('csv');
SELECT is((SELECT count(*) FROM part WHERE format = f), rows, f || ': four pages are one part')
FROM (VALUES ('ndjson', 4::bigint), ('csv', 5)) AS formats (f, rows);
SELECT is(before || pg_temp.rest(state), whole, format('%s goes on after its line %s', format, number))
FROM (SELECT format, state, row_number() OVER parts AS number, string_agg(text, '') OVER parts AS before,
             string_agg(text, '') OVER (PARTITION BY format) AS whole
      FROM part WHERE format <> 'by size' WINDOW parts AS (PARTITION BY format ORDER BY position)) AS line
WHERE state IS NOT NULL;
SELECT is(pg_temp.last_line(string_agg(text, '' ORDER BY position)), mark, format || ' says how many it found')
FROM part
JOIN (VALUES ('ndjson', E'{"complete": true, "count": 3301}\n'), ('csv', E'#complete,3301,,,,,,,,,,,,\r\n')) AS m (format, mark) USING (format)
GROUP BY format, mark;

-- Written while the export is under way: later, and in the very microsecond of the newest.
SELECT audit.insert_audit_log('late', 'LIVE', 'success') \gset
RESET SESSION AUTHORIZATION;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT 'ffffffff-ffff-7fff-bfff-ffffffffffff', 'tap-many', 'late', max(created_at)
FROM audit.audit_logs WHERE tenant_id = 'tap-many' AND agent_id <> 'late';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT text || pg_temp.rest(state) AS text FROM part WHERE format = 'by size' \gset
SELECT is(pg_temp.ids(:'text'), (SELECT ids FROM before), 'what is written meanwhile is not in it');
SELECT is(pg_temp.last_line(:'text'), E'{"complete": true, "count": 5101}\n', 'nor counted');
SELECT is(pg_temp.ids(pg_temp.rest(audit.begin_export(p_order => 'asc'))), pg_temp.stored('asc'), 'it is in the next');

-- Several filters: a page reads so many records at most, and says how far it came, however few it has found.
SELECT audit.begin_export(p_mode => 'LIVE', p_agent_id => 'rare') AS few_state \gset
SELECT is(pg_temp.last_line(pg_temp.rest(:'few_state')), E'{"complete": true, "count": 1}\n', 'the one record that two filters leave is found');

-- No state.
SELECT audit.continue_export(:'state'), audit.continue_export(NULL) \gset
SELECT throws_ok('SELECT audit.export_audit_logs()', 'RF003', 'no export is under way in this transaction',
    'an unknown state is none');

-- With a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-many', 'with a key');
SELECT is(pg_temp.ids(pg_temp.rest(audit.begin_export(:'key', p_order => 'asc'))), pg_temp.stored('asc'), 'all records');

SELECT * FROM finish();
ROLLBACK;
