-- Proves: rows that were read by one filter are compared with every other, and a part that brings more than was asked for is cut where
-- the next page begins. Each filter is read in turn: by the trace, by the user, and by the trace again.

BEGIN;
SELECT plan(19);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a') \gset
CREATE FUNCTION pg_temp.id(p_number int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('01900000-0000-7000-8000-' || lpad(p_number::text, 12, '0'))::uuid $$;
-- The newest are of the trace alone, then come two of the user alone, one of neither, and six of both.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, created_at)
SELECT pg_temp.id(n), 'tap-a', 'agent', CASE WHEN n <= 2 OR n >= 6 THEN 'trace' ELSE 'other' END,
       CASE WHEN n IN (3, 4) OR n >= 6 THEN 'user' ELSE 'other' END, timestamptz '2020-01-01 00:00:00+00' - interval '1 second' * n
FROM generate_series(1, 11) AS n;
-- Two of one trace that differ in everything else.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, api_key_id, context, created_at) VALUES
    (pg_temp.id(21), 'tap-a', 'b', 'each', 'b', 'LIVE', 'error', 500, 'b', '{"event": "b", "origin": 1}', '2019-01-02 00:00:00+00'),
    (pg_temp.id(22), 'tap-a', 'a', 'each', 'a', 'DRY_RUN', 'success', 200, 'a', '{"event": "a", "origin": 1}', '2019-01-01 00:00:00+00');
PREPARE page (timestamptz, uuid) AS
    SELECT (SELECT array_agg(right(l.id::text, 2)::int ORDER BY l.created_at DESC) FROM unnest(f.page) AS l), f.reached_time, f.reached_id
    FROM audit.filtered_page('tap-a', NULL, 'trace', 'user', NULL, NULL, NULL, $1, $2,
        '1970-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000', 2, NULL, 'desc', NULL, NULL) AS f;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT results_eq($$EXECUTE page ('2100-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000')$$,
    $$VALUES (ARRAY[6, 7], timestamptz '2019-12-31 23:59:53+00', pg_temp.id(7))$$,
    'two of both, though four were read at once, and the second is where the next page begins');
SELECT results_eq(format('EXECUTE page (%L, %L)', '2019-12-31 23:59:53+00', pg_temp.id(7)),
    $$VALUES (ARRAY[8, 9], timestamptz '2019-12-31 23:59:51+00', pg_temp.id(9))$$, 'the next two');
SELECT results_eq(format('EXECUTE page (%L, %L)', '2019-12-31 23:59:51+00', pg_temp.id(9)),
    $$VALUES (ARRAY[10, 11], timestamptz '2019-12-31 23:59:49+00', pg_temp.id(11))$$, 'and the last');
SELECT results_eq(format('EXECUTE page (%L, %L)', '2019-12-31 23:59:49+00', pg_temp.id(11)),
    $$VALUES (NULL::int[], NULL::timestamptz, NULL::uuid)$$, 'after which there is none');

-- As a list has them.
SELECT is((SELECT array_agg(right(item ->> 'id', 2)::int ORDER BY n)
           FROM json_array_elements(audit.list_audit_logs(p_trace_id => 'trace', p_user_id => 'user', p_limit => 1)::json -> 'items')
               WITH ORDINALITY AS i (item, n)), ARRAY[6], 'a list of one has the newest of both');
SELECT is((SELECT array_agg(right(item ->> 'id', 2)::int ORDER BY n)
           FROM json_array_elements(audit.list_audit_logs(p_trace_id => 'trace', p_user_id => 'user', p_order => 'asc', p_limit => 3)::json -> 'items')
               WITH ORDINALITY AS i (item, n)), ARRAY[11, 10, 9], 'and the oldest first in the other order');
SELECT is(audit.list_audit_logs(p_trace_id => 'other', p_user_id => 'user', p_limit => 1)::json #>> '{items,0,user_id}', 'user',
    'what is of another trace is found by that');
-- Read by the trace, and compared with each other filter.
SELECT is((audit.list_audit_logs(p_trace_id => 'each', p_agent_id => agent_id, p_user_id => user_id, p_mode => mode, p_status => status,
                                 p_http_status => http_status, p_api_key_id => key, p_context => context::json)::json #>> '{items,0,id}')::uuid, pg_temp.id(22), 'compared with the ' || name)
FROM (VALUES ('agent', 'a', NULL, NULL, NULL, NULL::int, NULL, NULL), ('user', NULL, 'a', NULL, NULL, NULL, NULL, NULL),
             ('mode', NULL, NULL, 'DRY_RUN', NULL, NULL, NULL, NULL), ('status', NULL, NULL, NULL, 'success', NULL, NULL, NULL),
             ('HTTP status', NULL, NULL, NULL, NULL, 200, NULL, NULL), ('key', NULL, NULL, NULL, NULL, NULL, 'a', NULL),
             ('context', NULL, NULL, NULL, NULL, NULL, NULL, '{"event": "a"}'))
    AS each (name, agent_id, user_id, mode, status, http_status, key, context);
-- A key and a context have no index. Alone they read by time, in parts too.
RESET SESSION AUTHORIZATION;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, api_key_id, context, created_at)
SELECT pg_temp.id(100 + n), 'tap-a', 'many', CASE WHEN n % 50 = 0 THEN 'rare' END, CASE WHEN n % 40 = 0 THEN json '{"event": "rare"}' END,
       timestamptz '2018-01-01 00:00:00+00' - interval '1 second' * n
FROM generate_series(1, 200) AS n;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is((SELECT string_agg(right(item ->> 'id', 3), ' ' ORDER BY n)
           FROM json_array_elements(audit.list_audit_logs(p_api_key_id => key, p_context => context::json, p_limit => 3)::json -> 'items')
               WITH ORDINALITY AS i (item, n)), found, said)
FROM (VALUES ('rare', NULL, '150 200 250', 'by a key alone, the newest three'),
             (NULL, '{"event": "rare"}', '140 180 220', 'by a context alone'),
             ('rare', '{"event": "rare"}', '300', 'by both, to the end'),
             (NULL, '{"event": "b", "origin": "1"}', '021', 'each name of a context is compared, a number as its text'),
             (NULL, '{"event": "b", "origin": "2"}', NULL, 'and must be equal')) AS each (key, context, found, said);

SELECT * FROM finish();
ROLLBACK;
