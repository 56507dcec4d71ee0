-- Proves: audit.count_audit_logs() counts what audit.list_audit_logs() lists with the same filters, by status, mode and agent, up to the
-- newest 1,000; says when there may be more, and how far back it came; and counts no other tenant's records.

BEGIN;
SELECT plan(35);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql
\ir ../support/refusal.sql

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-many') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at, api_key_id, context) VALUES
    (gen_random_uuid(), 'tap-a', 'b', 't', 'u',  'LIVE',    'started', NULL, '2001-01-01 00:00:01.000001+00', 'k1', '{"event": "paid"}'),
    (gen_random_uuid(), 'tap-a', 'b', 't', NULL, 'LIVE',    'error',   502,  '2001-01-01 00:00:02+00',        'k1', NULL),
    (gen_random_uuid(), 'tap-a', 'a', 's', 'u',  'LIVE',    'success', 200,  '2001-01-01 00:00:03+00',        'k2', '{"event": "paid"}'),
    (gen_random_uuid(), 'tap-a', 'B', 's', NULL, 'DRY_RUN', 'success', NULL, '2001-01-01 00:00:04+00',        NULL, '{"event": "asked"}'),
    (gen_random_uuid(), 'tap-a', 'a', 's', NULL, 'DRY_RUN', 'denied',  NULL, '2001-01-01 00:00:05+00',        NULL, NULL),
    (gen_random_uuid(), 'tap-a', '"', NULL, NULL, NULL,     NULL,      NULL, '2001-01-01 00:00:06+00',        NULL, NULL),
    (gen_random_uuid(), 'tap-b', 'b', 't', 'u',  'LIVE',    'error',   502,  '2001-01-01 00:00:02+00',        'k1', '{"event": "paid"}');
-- 1,001 of one agent at one time; before them 999 of others, the last of 24 agents; and one of each kind that is rare.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, http_status, created_at)
SELECT gen_random_uuid(), 'tap-many', CASE WHEN n <= 1001 THEN 'common' ELSE 'agent ' || n % 24 END, 'LIVE', 'success',
       CASE WHEN n <= 1000 THEN 200 END, timestamptz '2001-01-01 00:00:00+00' - interval '1 second' * greatest(n - 1001, 0)
FROM generate_series(1, 2000) AS n;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, created_at) VALUES
    (gen_random_uuid(), 'tap-many', 'common', 'LIVE', 'error', '2000-12-01 00:00:00+00'),
    (gen_random_uuid(), 'tap-many', 'rare', 'LIVE', 'denied', '2000-12-01 00:00:00+00');

-- count, is_complete and from: what a call with these arguments finds.
CREATE FUNCTION pg_temp.counted(p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_found json; BEGIN
    EXECUTE format('SELECT audit.count_audit_logs(%s)', p_arguments) INTO v_found;
    RETURN concat_ws(' ', v_found ->> 'count', CASE WHEN NOT (v_found ->> 'is_complete')::boolean THEN 'or more' END, 'from', v_found ->> 'from');
END $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;
CREATE TEMPORARY TABLE filter (number int GENERATED ALWAYS AS IDENTITY, arguments text, found text);
INSERT INTO filter (arguments, found) VALUES
    ('p_agent_id => ''b''',                                       '2 from 2001-01-01T00:00:01.000001Z'),
    ('p_trace_id => ''s''',                                       '3 from 2001-01-01T00:00:03.000000Z'),
    ('p_user_id => ''u''',                                        '2 from 2001-01-01T00:00:01.000001Z'),
    ('p_mode => ''DRY_RUN''',                                     '2 from 2001-01-01T00:00:04.000000Z'),
    ('p_status => ''success''',                                   '2 from 2001-01-01T00:00:03.000000Z'),
    ('p_http_status => 502',                                      '1 from 2001-01-01T00:00:02.000000Z'),
    ('p_api_key_id => ''k1''',                                    '2 from 2001-01-01T00:00:01.000001Z'),
    ('p_context => ''{"event": "paid"}''',                        '2 from 2001-01-01T00:00:01.000001Z'),
    ('p_start_time => ''2001-01-01 00:00:05+00''',                '2 from 2001-01-01T00:00:05.000000Z'),
    ('p_end_time => ''2001-01-01 00:00:02+00''',                  '1 from 2001-01-01T00:00:01.000001Z'),
    ('p_agent_id => ''b'', p_mode => ''LIVE'', p_status => ''error'', p_http_status => 502, p_trace_id => ''t'', p_api_key_id => ''k1''',
                                                                  '1 from 2001-01-01T00:00:02.000000Z'),
    ('p_user_id => ''u'', p_api_key_id => ''k2''',                '1 from 2001-01-01T00:00:03.000000Z'),
    ('p_agent_id => ''nobody''',                                  '0 from');
GRANT SELECT ON filter TO tap_gateway, audit_app;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SET LOCAL timezone = 'Asia/Kathmandu';
SELECT is(audit.count_audit_logs(),
    '{"count":6,"is_complete":true,"from":"2001-01-01T00:00:01.000001Z",'
    '"statuses":{"started" : 1, "success" : 2, "error" : 1, "denied" : 1},"modes":{"DRY_RUN" : 2, "LIVE" : 3},'
    '"agents":[{"agent_id":"a","count":2,"error":0,"denied":1}, ' || E'\n ' || '{"agent_id":"b","count":2,"error":1,"denied":0}, ' || E'\n ' || '{"agent_id":"\"","count":1,"error":0,"denied":0}, ' || E'\n '
    '{"agent_id":"B","count":1,"error":0,"denied":0}]}', 'the whole answer');
SELECT is(audit.count_audit_logs(p_agent_id => 'nobody'),
    '{"count":0,"is_complete":true,"from":null,"statuses":{"started" : 0, "success" : 0, "error" : 0, "denied" : 0},'
    '"modes":{"DRY_RUN" : 0, "LIVE" : 0},"agents":[]}', 'of nothing');
SELECT is(pg_temp.counted(arguments), found, 'counted with ' || arguments) FROM filter ORDER BY number;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.counted(''), '6 from 2001-01-01T00:00:01.000001Z', 'counted with a key');
SELECT is(pg_temp.counted(arguments), found, 'counted with a key and ' || arguments) FROM filter WHERE number IN (10, 11, 12) ORDER BY number;

-- More than 1,000.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-many';
SELECT is(pg_temp.counted(arguments), found, said) FROM (VALUES
    ('',                                                   '1000 or more from 2001-01-01T00:00:00.000000Z', 'the newest 1,000 of all'),
    ('p_agent_id => ''common''',                           '1000 or more from 2001-01-01T00:00:00.000000Z', 'the newest 1,000 of an agent'),
    ('p_http_status => 200',                               '1000 from 2001-01-01T00:00:00.000000Z', '1,000 are counted whole'),
    ('p_end_time => ''2001-01-01 00:00:00+00''',           '1000 or more from 2000-12-01T00:00:00.000000Z', 'the newest 1,000 of a window'),
    ('p_start_time => ''2000-12-31 00:00:00+00'', p_end_time => ''2001-01-01 00:00:00+00''',
                                                           '999 from 2000-12-31T23:43:21.000000Z', '999 in a window are counted whole'),
    ('p_agent_id => ''common'', p_mode => ''LIVE''',       '1000 or more from 2001-01-01T00:00:00.000000Z', 'the newest 1,000 of an agent in a mode'),
    -- By each of two filters 1,000 rows are read; one that is rare ends before that.
    ('p_agent_id => ''common'', p_status => ''error''',    '1 from 2000-12-01T00:00:00.000000Z', 'what is rare is counted whole'),
    ('p_context => ''{"event": "paid"}''',                 '0 or more from 2001-01-01T00:00:00.000000Z', 'what has no index is counted as far as it was looked for')
    ) AS c (arguments, found, said);
SELECT is(json_array_length(audit.count_audit_logs(p_end_time => '2001-01-01 00:00:00+00')::json -> 'agents'), 20, 'of 24 agents 20 are told');
SELECT results_eq(
    $$SELECT agent ->> 'agent_id', agent ->> 'count' FROM json_array_elements(audit.count_audit_logs(p_end_time => '2001-01-01 00:00:00+00')::json -> 'agents')
          WITH ORDINALITY AS a (agent, place) WHERE place IN (1, 2, 20)$$,
    $$VALUES ('agent 0', '42'), ('agent 1', '42'), ('agent 14', '41')$$, 'most first, then by name');

-- Refused, beside what is allowed.
SELECT is(pg_temp.refusal('SELECT audit.count_audit_logs(' || arguments || ')'), refusal, 'refused with ' || arguments) FROM (VALUES
    ('p_mode => ''live''',                'RF003|mode is DRY_RUN or LIVE|mode'),
    ('p_status => ''failed''',            'RF003|status is started, success, error or denied|status'),
    ('p_context => ''{"nobody": "x"}''',  'RF003|no record has such a context|context.nobody')) AS c (arguments, refusal);
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT throws_ok('SELECT audit.count_audit_logs()', 'RF002', 'the tenant is not registered', 'no count of a tenant that is not registered');
SET LOCAL app.tenant_id = '';
SELECT throws_ok('SELECT audit.count_audit_logs()', 'RF001', 'no tenant is set for this transaction', 'no count without a tenant');
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.counted(''), '6 from 2001-01-01T00:00:01.000001Z', 'with a tenant there is one');

SELECT * FROM finish();
ROLLBACK;
