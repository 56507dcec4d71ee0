-- Proves: a page of 50 records of a rare part of a tenant reads a page's worth of buffers, with and without a filter, in both orders: by the
-- restriction's own index, or within its window, since no LIMIT counts the rows that a policy hides.

BEGIN;
SELECT plan(58);

SELECT audit.create_tenant('tap-a') \gset
-- A new table, which nobody vacuums or analyses meanwhile: plans that are made anew would read a block of each index.
TRUNCATE audit.audit_logs;
SET LOCAL session_replication_role = replica;   -- the foreign key is asked for nothing
-- Forty thousand records, of which each part has a hundred; the oldest thousand and the newest nine thousand have none of them.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, created_at)
SELECT md5('record ' || n)::uuid, 'tap-a', CASE WHEN n % 300 = 1 THEN 'rare' ELSE 'common' END, CASE WHEN n % 300 = 1 THEN 'rare' ELSE 'trace ' || n END,
       CASE WHEN n % 300 = 1 THEN 'rare' ELSE 'common' END, CASE WHEN n % 300 = 1 THEN 'LIVE' ELSE 'DRY_RUN' END,
       CASE WHEN n % 300 = 1 THEN 'denied' ELSE 'success' END, timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(1001, 31000) AS n
UNION ALL
SELECT md5('record ' || n)::uuid, 'tap-a', 'common', 'trace', 'common', 'DRY_RUN', 'success', timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
FROM generate_series(1, 40000) AS n WHERE n NOT BETWEEN 1001 AND 31000;
SET LOCAL session_replication_role = origin;
CREATE FUNCTION pg_temp.restricted(p_restriction json) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT opened.* FROM audit.issue_view_link('tap-a', 'tap', now() + interval '1 hour', 3600, p_restriction) AS link (token)
            CROSS JOIN LATERAL audit.open_view_link(link.token) AS opened);
END
$$;
-- Buffers of the table and of all its indexes.
CREATE FUNCTION pg_temp.buffers() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT pg_stat_get_xact_blocks_fetched('audit.audit_logs'::regclass)
         + sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = 'audit.audit_logs'::regclass
$$;
CREATE FUNCTION pg_temp.page(p_key text, p_order text, p_filter text, p_most int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
    v_page   json;
BEGIN
    PERFORM audit.enter_tenant(p_key);
    v_before := pg_temp.buffers();
    EXECUTE format('SELECT audit.list_audit_logs(p_order => %L %s)', p_order, p_filter) INTO v_page;
    v_before := pg_temp.buffers() - v_before;
    RETURN concat(v_page ->> 'count', ' for ', CASE WHEN v_before BETWEEN 0 AND p_most THEN 'a page' ELSE v_before || ' buffers' END);
END
$$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO audit_app', pg_my_temp_schema()::regnamespace); END $$;
-- filter, how many records a page has, how many buffers it may read: rows that a filter leaves out are read too
CREATE TEMPORARY TABLE list AS
    SELECT pg_temp.restricted(restriction::json) AS key, l.* FROM (VALUES
        ('{"agent_id": "rare"}',                                      '',                           50, 160),
        ('{"trace_id": "rare"}',                                      '',                           50, 160),
        ('{"user_id": "rare"}',                                       '',                           50, 160),
        ('{"mode": "LIVE"}',                                          '',                           50, 160),
        ('{"status": "denied"}',                                      '',                           50, 160),
        ('{"agent_id": "rare"}',                                      ', p_status => ''denied''',   50, 160),
        ('{"agent_id": "rare"}',                                      ', p_agent_id => ''rare''',   50, 160),
        ('{"agent_id": "rare"}',                                      ', p_mode => ''DRY_RUN''',     0, 320),
        -- By the restriction's index: by that of the filter, hidden rows would be read.
        ('{"trace_id": "rare"}',                                      ', p_agent_id => ''common''',  0, 320),
        ('{"user_id": "rare"}',                                       ', p_agent_id => ''common''',  0, 320),
        ('{"status": "denied"}',                                      ', p_agent_id => ''common''',  0, 320),
        ('{"mode": "LIVE"}',                                          ', p_agent_id => ''common''',  0, 320),
        -- Not at all: a filter asks for what the restriction hides.
        ('{"agent_id": "rare"}',                                      ', p_agent_id => ''common''',  0, 0),
        ('{"trace_id": "rare"}',                                      ', p_trace_id => ''trace''',   0, 0),
        ('{"user_id": "rare"}',                                       ', p_user_id => ''common''',   0, 0),
        ('{"status": "denied"}',                                      ', p_status => ''success''',   0, 0),
        ('{"mode": "LIVE"}',                                          ', p_mode => ''DRY_RUN''',     0, 0),
        ('{"agent_id": "rare", "mode": "LIVE", "status": "denied"}',  '',                           50, 160),
        ('{"agent_id": "rare"}',                                      ', p_start_time => ''2026-01-01 01:00:00+00''', 50, 160),
        ('{"end_time": "2026-01-01T00:01:00Z"}',                      '',                           50, 60),
        ('{"start_time": "2026-01-01T11:06:00Z"}',                    '',                           41, 60),
        ('{"start_time": "2026-01-01T05:00:00Z", "end_time": "2026-01-01T05:01:00Z"}', '',          50, 60),
        ('{"start_time": "2026-01-01T05:00:00Z", "end_time": "2026-01-01T05:01:00Z"}', ', p_mode => ''DRY_RUN''', 50, 60),
        ('{"agent_id": "rare", "end_time": "2026-01-01T01:00:00Z"}',  '',                            8, 60)) AS l (restriction, filter, found, most);
GRANT SELECT ON list TO audit_keyed;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT pg_temp.page(key, direction, filter, most) FROM list CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction) \g /dev/null
SELECT is(pg_temp.page(key, direction, filter, most), found || ' for a page', format('%s, %s%s', restriction, direction, filter))
FROM list CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction);

-- A count reads what it counts.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.counted(p_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
    v_count  json;
BEGIN
    PERFORM audit.enter_tenant(p_key);
    v_before := pg_temp.buffers();
    v_count := audit.count_audit_logs();
    v_before := pg_temp.buffers() - v_before;
    RETURN concat(v_count ->> 'count', ' for ', CASE WHEN v_before BETWEEN 0 AND 320 THEN 'what there is' ELSE v_before || ' buffers' END);
END
$$;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.counted(key), '100 for what there is', 'the count of ' || restriction)
FROM list WHERE filter = '' AND found = 50 AND most = 160 AND restriction NOT LIKE '%,%';

-- As an export does, in all its parts: one ends after a second, on whatever machine.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.export(p_key text, p_order text, p_most int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state  text := format('{"format": "ndjson", "order": "%s", "count": 0}', p_order);
    v_lines  int := 0;
    v_part   record;
    v_before bigint := pg_temp.buffers();
    v_read   bigint;
BEGIN
    WHILE v_state IS NOT NULL LOOP
        PERFORM audit.enter_tenant(p_key), audit.continue_export(v_state);
        FOR v_part IN SELECT lines, state FROM audit.export_audit_logs() LOOP
            v_lines := v_lines + regexp_count(convert_from(v_part.lines, 'UTF8'), '\n');
            v_state := v_part.state;
        END LOOP;
    END LOOP;
    v_read := pg_temp.buffers() - v_before;
    RETURN concat(v_lines, ' for ', CASE WHEN v_read <= p_most THEN 'what there is' ELSE v_read || ' buffers' END);
END
$$;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.export(key, direction, 160), '101 for what there is', format('an export of %s, %s', restriction, direction))
FROM list CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction) WHERE restriction IN ('{"agent_id": "rare"}', '{"mode": "LIVE"}') AND filter = '';
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'tap-a'), 40000::bigint, 'of forty thousand records');

SELECT * FROM finish();
ROLLBACK;
