-- Proves: a page of 50 administrative events reads at most 60 buffers of the table and its indexes, with each filter, for a tenant and
-- for administrators, in both orders, with no statistics and with those of another table.

BEGIN;
SELECT plan(48);

\ir ../support/gateway.sql
\ir ../support/registrar.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
CREATE FUNCTION pg_temp.fill() RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
    SELECT gen_random_uuid(), CASE WHEN n % 5000 = 4 THEN 'tap-b' ELSE 'tap-a' END,
           CASE WHEN n % 5000 = 3 THEN 'api key issued' ELSE 'records read' END,
           CASE WHEN n % 5000 IN (2, 4) THEN 'bbbbbbbbbbbbbbbb' ELSE 'aaaaaaaaaaaaaaaa' END, 'postgres',
           timestamptz '2020-01-01 00:00:00+00' + interval '1 hour' * least(n, 10000)
    FROM generate_series(1, 20000) AS n
$$;
CREATE FUNCTION pg_temp.buffers() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT pg_stat_get_xact_blocks_fetched('audit.admin_events'::regclass)
         + sum(pg_stat_get_xact_blocks_fetched(i.indexrelid)) FROM pg_index AS i WHERE i.indrelid = 'audit.admin_events'::regclass
$$;
-- Three pages, one after the other: how many events they have together, and whether each cost a page.
CREATE FUNCTION pg_temp.pages(p_function text, p_filter text, p_order text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_page   json;
    v_count  int := 0;
    v_before bigint;
    v_read   bigint;
    v_most   bigint := 0;
BEGIN
    FOR v_number IN 1..3 LOOP
        v_before := pg_temp.buffers();
        EXECUTE format('SELECT audit.%I(p_limit => 50, p_cursor => %L, p_order => %L %s)', p_function, v_page ->> 'next_cursor', p_order, p_filter)
            INTO v_page;
        v_read := pg_temp.buffers() - v_before;
        v_most := greatest(v_most, v_read);
        v_count := v_count + (v_page ->> 'count')::int;
        EXIT WHEN v_page ->> 'next_cursor' IS NULL;
    END LOOP;
    RETURN concat(v_count, ' for ', CASE WHEN v_most BETWEEN 1 AND 60 THEN 'a page' ELSE v_most || ' buffers' END);
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, tap_registrar', pg_my_temp_schema()::regnamespace); END $$;
CREATE TEMPORARY TABLE list (number int GENERATED ALWAYS AS IDENTITY, function text, filter text, found int);
INSERT INTO list (function, filter, found) VALUES
    ('list_admin_events',     '',                                          150),
    ('list_admin_events',     ', p_act => ''records read''',               150),
    ('list_admin_events',     ', p_act => ''api key issued''',             4),
    ('list_admin_events',     ', p_act => ''records imported''',           0),
    ('list_admin_events',     ', p_api_key_id => ''bbbbbbbbbbbbbbbb''',    4),
    ('list_admin_events',     ', p_start_time => ''2021-02-20 16:00+00''', 150),   -- the hour that half of them share
    ('list_all_admin_events', '',                                          150),
    ('list_all_admin_events', ', p_tenant_id => ''tap-b''',                4),
    ('list_all_admin_events', ', p_tenant_id => ''tap-b'', p_act => ''records read''', 4),
    ('list_all_admin_events', ', p_act => ''api key issued''',             4),
    ('list_all_admin_events', ', p_api_key_id => ''bbbbbbbbbbbbbbbb''',    8),
    ('list_all_admin_events', ', p_tenant_id => ''tap-b'', p_api_key_id => ''bbbbbbbbbbbbbbbb''', 4);
GRANT SELECT ON list TO tap_gateway, tap_registrar;
-- The first page of a session is planned, which reads a block of each index.
PREPARE planned (text) AS
    SELECT count(pg_temp.pages(l.function, l.filter, o.direction)) AS pages
    FROM list AS l CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction) WHERE l.function = $1;
PREPARE pages (text, text) AS
    SELECT is(pg_temp.pages(l.function, l.filter, o.direction), l.found || ' for a page', format('%s: %s, %s%s', $2, $1, o.direction, l.filter))
    FROM list AS l CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction) WHERE l.function = $1 ORDER BY l.number, o.direction;

-- Statistics of another table: of one tenant, one act and one key.
TRUNCATE audit.admin_events;
INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
SELECT gen_random_uuid(), 'tap-b', 'api key issued', 'bbbbbbbbbbbbbbbb', 'postgres', timestamptz '2020-01-01 00:00:00+00' + interval '1 hour' * n
FROM generate_series(1, 1000) AS n;
ANALYZE audit.admin_events;
TRUNCATE audit.admin_events;
SELECT pg_temp.fill() \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
EXECUTE planned ('list_admin_events') \gset
EXECUTE pages ('list_admin_events', 'statistics of another table');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
EXECUTE planned ('list_all_admin_events') \gset
EXECUTE pages ('list_all_admin_events', 'statistics of another table');
RESET SESSION AUTHORIZATION;

-- No statistics.
DELETE FROM pg_statistic WHERE starelid = 'audit.admin_events'::regclass;
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
EXECUTE planned ('list_admin_events') \gset
EXECUTE pages ('list_admin_events', 'no statistics');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
EXECUTE planned ('list_all_admin_events') \gset
EXECUTE pages ('list_all_admin_events', 'no statistics');

SELECT * FROM finish();
ROLLBACK;
