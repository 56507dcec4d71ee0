-- Proves: a page of 50 records reads at most 60 buffers of the table and its indexes, with each filter, with a window of time and
-- without either: in both orders, on the first page and after a cursor, by name and by key, for tenants of ten and of many records,
-- also among records that share their time; with no statistics, with statistics of another table, and with those of this one. A count
-- reads what the page of all that it counts would.

BEGIN;
SELECT plan(325);

\ir ../support/gateway.sql
CREATE ROLE tap_service LOGIN IN ROLE audit_keyed;
SELECT audit.create_tenant('tap-large'), audit.create_tenant('tap-small'), audit.create_tenant('tap-other') \gset
SELECT audit.issue_api_key('tap-large', 'tap') AS large_key, audit.issue_api_key('tap-small', 'tap') AS small_key \gset

-- A hundred thousand records of three tenants, in turn. Half of them share one time, one trace and no order but that of
-- their ids, which look random and are the same in every run: a page may cost more where a rare record lies in it.
CREATE FUNCTION pg_temp.fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
    SELECT md5('record ' || n)::uuid,
           CASE WHEN n % 10000 = 3 THEN 'tap-small' WHEN n % 4 = 0 THEN 'tap-other' ELSE 'tap-large' END,
           CASE WHEN n % 20000 = 5 THEN 'rare' WHEN n % 20 = 2 THEN 'failing' ELSE 'common' END,
           CASE WHEN n > 50000 THEN 'one bulk request' ELSE 'trace ' || n END,
           CASE WHEN n % 20000 = 6 THEN 'rare' WHEN n % 10 = 1 THEN 'common' END,
           CASE WHEN n % 20000 = 7 THEN 'LIVE' ELSE 'DRY_RUN' END,
           CASE WHEN n % 20000 = 9 THEN 'denied' WHEN n % 20 = 2 THEN 'error' ELSE 'success' END,
           CASE WHEN n % 4 = 0 THEN 418 WHEN n % 20000 = 10 THEN 500 WHEN n % 10 = 7 THEN 200 END,
           timestamptz '2020-01-01 00:00:00+00' + interval '1 second' * least(n, 50000)
    FROM generate_series(1, 100000) AS n
$$;

-- Buffers of the table and of all its indexes.
CREATE FUNCTION pg_temp.buffers() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT pg_stat_get_xact_blocks_fetched('audit.audit_logs'::regclass)
         + sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = 'audit.audit_logs'::regclass
$$;
-- Three pages, one after the other: how many records they have together, and whether each cost a page.
CREATE FUNCTION pg_temp.pages(p_filter text, p_order text, p_most int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_page   json;
    v_count  int := 0;
    v_before bigint;
    v_read   bigint;
    v_most   bigint := 0;
BEGIN
    FOR v_number IN 1..3 LOOP
        v_before := pg_temp.buffers();
        EXECUTE format('SELECT audit.list_audit_logs(p_cursor => %L, p_order => %L %s)', v_page ->> 'next_cursor', p_order, p_filter)
            INTO v_page;
        v_read := pg_temp.buffers() - v_before;
        v_most := greatest(v_most, v_read);
        v_count := v_count + (v_page ->> 'count')::int;
        EXIT WHEN v_page ->> 'next_cursor' IS NULL;
    END LOOP;
    RETURN concat(v_count, ' for ', CASE WHEN v_most BETWEEN 1 AND p_most THEN 'a page' ELSE v_most || ' buffers' END);
END $$;
-- What a count costs: the more it counts, the more it reads; with several filters at most a page of 1,000 by each.
CREATE FUNCTION pg_temp.counted(p_filter text, p_filters int DEFAULT 0) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_before bigint := pg_temp.buffers();
    v_answer json;
    v_read   bigint;
BEGIN
    EXECUTE format('SELECT audit.count_audit_logs(%s)', ltrim(p_filter, ', ')) INTO v_answer;
    v_read := pg_temp.buffers() - v_before;
    RETURN concat(v_answer ->> 'count', CASE WHEN v_read BETWEEN 1 AND greatest((v_answer ->> 'count')::int, p_filters * 1000) + 60 THEN ' for a page' ELSE ' for ' || v_read || ' buffers' END);
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, tap_service', pg_my_temp_schema()::regnamespace); END $$;

-- filter, how many records of the first three pages
CREATE TEMPORARY TABLE list (number int GENERATED ALWAYS AS IDENTITY, filter text, found int);
INSERT INTO list (filter, found) VALUES
    ('',                                                   150),
    (', p_start_time => ''2020-01-01 13:53:20+00''',       150),   -- the time that half of them share
    (', p_end_time => ''2020-01-01 13:53:20+00''',         150),
    (', p_end_time => ''2020-01-01 13:53:20.000001+00''',  150),
    (', p_start_time => ''2020-01-01 06:00:00+00'', p_end_time => ''2020-01-01 06:01:00+00''', 45),
    (', p_start_time => ''2020-01-02 00:00:00+00''',       0),
    (', p_agent_id => ''common''',                         150),
    (', p_agent_id => ''rare''',                           5),
    (', p_agent_id => ''nobody''',                         0),
    (', p_agent_id => ''common'', p_start_time => ''2020-01-01 06:00:00+00'', p_end_time => ''2020-01-01 06:01:00+00''', 42),
    (', p_trace_id => ''one bulk request''',               150),
    (', p_trace_id => ''trace 2''',                        1),
    (', p_user_id => ''common''',                          150),
    (', p_user_id => ''rare''',                            5),
    (', p_mode => ''DRY_RUN''',                            150),
    (', p_mode => ''LIVE''',                               5),
    (', p_status => ''success''',                          150),
    (', p_status => ''error''',                            150),
    (', p_status => ''denied''',                           5),
    (', p_status => ''started''',                          0),
    (', p_http_status => 200',                             150),
    (', p_http_status => 500',                             5),
    (', p_http_status => 418',                             0);     -- which the neighbour alone has, 25,000 times
GRANT SELECT ON list TO tap_gateway, tap_service;
-- The first page of a session is planned, which reads a block of each index.
PREPARE planned AS SELECT count(pg_temp.pages(l.filter, o.direction, 60)) AS pages FROM list AS l CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction);
PREPARE pages (text) AS
    SELECT is(pg_temp.pages(l.filter, o.direction, 60), l.found || ' for a page', format('%s, %s%s', $1, o.direction, l.filter))
    FROM list AS l CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction) ORDER BY l.number, o.direction;
-- The counts of the lists that have as many records as three pages or more, and of those that have fewer.
PREPARE counts (text) AS
    SELECT matches(pg_temp.counted(l.filter), format('^%s for a page$', CASE WHEN l.found = 150 THEN '1000' ELSE l.found::text END), format('%s, counted%s', $1, l.filter))
    FROM list AS l ORDER BY l.number;

TRUNCATE audit.audit_logs;   -- first: what ANALYZE notes of a new table is rolled back with it
-- Statistics of another table: of one tenant that has one agent, one trace, one user, one mode and so on.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
SELECT gen_random_uuid(), 'tap-large', 'rare', 'trace 2', 'rare', 'LIVE', 'denied', 500, timestamptz '2020-01-01 00:00:00+00' + interval '1 second' * n
FROM generate_series(1, 1000) AS n;
ANALYZE audit.audit_logs;
TRUNCATE audit.audit_logs;
SET LOCAL session_replication_role = replica;   -- the foreign key is asked for nothing
SELECT pg_temp.fill() \gset
SET LOCAL session_replication_role = origin;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-large') \gset
EXECUTE planned \gset
EXECUTE pages ('statistics of another table');
EXECUTE counts ('statistics of another table');
RESET SESSION AUTHORIZATION;

-- No statistics.
DELETE FROM pg_statistic WHERE starelid = 'audit.audit_logs'::regclass;
UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'audit.audit_logs'::regclass OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'audit.audit_logs'::regclass);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL plan_cache_mode = force_custom_plan;
EXECUTE planned \gset
EXECUTE pages ('no statistics');
EXECUTE counts ('no statistics');
SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT is(audit.enter_tenant(:'large_key'), 'tap-large', 'with a key');
EXECUTE planned \gset
SELECT audit.enter_tenant(:'large_key') \gset
EXECUTE pages ('with a key');
SELECT audit.enter_tenant(:'large_key') \gset
EXECUTE counts ('with a key');
RESET SESSION AUTHORIZATION;

-- True statistics.
ANALYZE audit.audit_logs;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
EXECUTE planned \gset
EXECUTE pages ('statistics');
EXECUTE counts ('statistics');

-- A tenant of ten records costs what ten records cost, whatever its neighbours have.
SELECT audit.set_tenant('tap-small') \gset
SELECT is(pg_temp.pages(filter, 'desc', 25), found || ' for a page', 'ten records' || filter)
FROM (VALUES ('', 10), (', p_agent_id => ''common''', 10), (', p_agent_id => ''rare''', 0), (', p_trace_id => ''one bulk request''', 5),
             (', p_user_id => ''common''', 0), (', p_mode => ''DRY_RUN''', 10), (', p_status => ''success''', 10),
             (', p_status => ''error''', 0), (', p_http_status => 418', 0), (', p_start_time => ''2020-01-01 13:53:20+00''', 5)) AS small (filter, found);
SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT is(audit.enter_tenant(:'small_key'), 'tap-small', 'with a key of the small tenant');
SELECT is(pg_temp.pages('', 'asc', 25), '10 for a page', 'the same');

-- A part of an export costs what it finds, too.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.exported(p_state text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_before bigint := pg_temp.buffers();
    v_last   text;
    v_read   bigint;
BEGIN
    PERFORM audit.continue_export(p_state);
    SELECT convert_from(e.lines, 'UTF8') INTO v_last FROM audit.export_audit_logs() AS e;
    v_read := pg_temp.buffers() - v_before;
    RETURN concat(substring(v_last FROM '"count": ([0-9]+)'), ' for ',
                  CASE WHEN v_read BETWEEN 1 AND 60 THEN 'a page' ELSE v_read || ' buffers' END);
END $$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-large') \gset
SELECT is(pg_temp.exported(audit.begin_export(p_order => o, p_agent_id => agent_id, p_mode => mode, p_status => status, p_http_status => http_status)),
          found || ' for a page', format('an export of %s, %s', concat_ws(', ', agent_id, mode, status, http_status), o))
FROM (VALUES ('rare', NULL, NULL, NULL::int, 5), (NULL, 'LIVE', NULL, NULL, 5), (NULL, NULL, 'started', NULL, 0), (NULL, NULL, NULL, 418, 0),
             ('common', 'DRY_RUN', NULL, 418, 0)) AS e (agent_id, mode, status, http_status, found), (VALUES ('asc'), ('desc')) AS orders (o);

-- Several filters: a page costs a page for each, and twice the rarest of them, where the others leave records of it out.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-large') \gset
SELECT is(pg_temp.pages(filter, o.direction, most), found || ' for a page', format('several filters, %s%s', o.direction, filter))
FROM (VALUES
    (', p_agent_id => ''common'', p_mode => ''DRY_RUN''',                                 150, 60),
    (', p_agent_id => ''common'', p_status => ''success''',                               150, 120),
    (', p_agent_id => ''common'', p_mode => ''LIVE''',                                    5, 120),
    (', p_agent_id => ''rare'', p_status => ''error''',                                   0, 60),
    (', p_mode => ''DRY_RUN'', p_status => ''started''',                                  0, 60),
    (', p_http_status => 418, p_agent_id => ''common''',                                  0, 60),
    (', p_agent_id => ''common'', p_status => ''denied'', p_mode => ''DRY_RUN''',         5, 180),
    (', p_user_id => ''common'', p_trace_id => ''trace 2''',                              0, 60)) AS several (filter, found, most)
CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction);
-- 71,000 and 3,750 records that have none in common: it reads by the filter that is the rarer in what it has read so far. Among records
-- that share their time no filter looks rarer, and they take turns.
SELECT is(pg_temp.pages(', p_agent_id => ''common'', p_status => ''error''' || filter, direction, most), '0 for a page',
          format('filters that never meet, %s%s', direction, filter))
FROM (VALUES
    ('',                                             'desc', 6500),
    ('',                                             'asc',  4300),
    (', p_start_time => ''2020-01-01 13:53:20+00''', 'desc', 6500),
    (', p_start_time => ''2020-01-01 13:53:20+00''', 'asc',  6500)) AS never (filter, direction, most);
-- A count does not look for what it does not find.
SELECT is(pg_temp.counted(filter, filters), found || ' for a page', format('several filters, counted%s', filter))
FROM (VALUES
    (', p_agent_id => ''common'', p_mode => ''DRY_RUN''',                     1000, 2),
    (', p_agent_id => ''rare'', p_mode => ''DRY_RUN''',                       5, 2),
    (', p_agent_id => ''common'', p_status => ''error''',                     0, 2),
    (', p_agent_id => ''common'', p_status => ''error'', p_mode => ''LIVE''', 0, 3),
    (', p_agent_id => ''common'', p_api_key_id => ''nobody''',                0, 1),
    (', p_api_key_id => ''nobody''',                                          0, 1)) AS several (filter, found, filters);

SELECT * FROM finish();
ROLLBACK;
