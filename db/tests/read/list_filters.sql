-- Proves: audit.list_audit_logs() returns what each filter says, and the half-open window of time; and it refuses arguments
-- that could only be mistakes.

BEGIN;
SELECT plan(46);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

-- One record that differs from the usual in one respect, for each filter; their agent is what the tests look for.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
SELECT gen_random_uuid(), 'tap-a', r.*
FROM (VALUES
    ('usual',   't1', 'u1', 'LIVE',    'success', 200,  timestamptz '2001-01-01 00:00:00+00'),
    ('traced',  't2', 'u1', 'LIVE',    'success', 200,  '2001-01-01 00:00:01+00'),
    ('used',    't1', 'u2', 'LIVE',    'success', 200,  '2001-01-01 00:00:02+00'),
    ('dry',     't1', 'u1', 'DRY_RUN', 'success', 200,  '2001-01-01 00:00:03+00'),
    ('failed',  't1', 'u1', 'LIVE',    'error',   200,  '2001-01-01 00:00:04+00'),
    ('missing', 't1', 'u1', 'LIVE',    'success', 404,  '2001-01-01 00:00:05+00'),
    ('bare',    NULL, NULL, NULL,      NULL,      NULL, '2001-01-01 00:00:06+00')) AS r;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
VALUES (gen_random_uuid(), 'tap-b', 'usual', 't2', 'u2', 'DRY_RUN', 'error', 404, '2001-01-01 00:00:03+00');

-- The agents of the page, oldest first.
CREATE FUNCTION pg_temp.agents(p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_agents text;
BEGIN
    EXECUTE format('SELECT string_agg(item ->> ''agent_id'', '' '')
        FROM json_array_elements(audit.list_audit_logs(p_order => ''asc'' %s)::json -> ''items'') AS item', p_arguments) INTO v_agents;
    RETURN v_agents;
END
$$;

-- What a refusal tells its caller: the code, the argument, the words.
CREATE FUNCTION pg_temp.refusal(p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_message text; v_column text;
BEGIN
    EXECUTE format('SELECT audit.list_audit_logs(%s)', p_arguments);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME;
    RETURN concat_ws('|', SQLSTATE, v_column, v_message);
END
$$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.agents(arguments), agents, said)
FROM (VALUES
    ('',                                               'usual traced used dry failed missing bare',
    'without filters the whole tenant is listed'),
    (', p_agent_id => ''usual''',                      'usual',                                     'agent_id'),
    (', p_trace_id => ''t2''',                         'traced',                                    'trace_id'),
    (', p_user_id => ''u2''',                          'used',                                      'user_id'),
    (', p_mode => ''DRY_RUN''',                        'dry',                                       'mode'),
    (', p_status => ''error''',                        'failed',                                    'status'),
    (', p_http_status => 404',                         'missing',                                   'http_status'),
    (', p_trace_id => ''t1'', p_mode => ''LIVE'', p_status => ''success''', 'usual used missing',   'filters narrow each other'),
    (', p_agent_id => ''nobody''',                     NULL,                                        'a value that no record has'),
    (', p_agent_id => ''usual%''',                     NULL,                                        'a value is no pattern'),
    (', p_agent_id => ''USUAL''',                      NULL,
                                           'upper case is another value'),
    (', p_start_time => ''2001-01-01 00:00:05+00''',   'missing bare',                              'start_time is included'),
    (', p_start_time => ''2001-01-01 00:00:05.000001+00''', 'bare',
                                    'one microsecond later it is not'),
    (', p_end_time => ''2001-01-01 00:00:01+00''',     'usual',                                     'end_time is not included'),
    (', p_end_time => ''2001-01-01 00:00:01.000001+00''', 'usual traced',
                              'one microsecond later it is'),
    (', p_start_time => ''2001-01-01 00:00:02+00'', p_end_time => ''2001-01-01 00:00:04+00''', 'used dry', 'a window'),
    (', p_start_time => ''2001-01-01 02:00:02+02'', p_end_time => ''2000-12-31 19:00:04-05''', 'used dry',
    'the same window in other zones'),
    (', p_start_time => ''2001-01-01 00:00:02+00'', p_end_time => ''2001-01-01 00:00:02+00''', NULL, 'an empty window'),
    (', p_start_time => ''2001-01-01 00:00:04+00'', p_end_time => ''2001-01-01 00:00:02+00''', NULL,
    'a window that ends before it begins'),
    (', p_start_time => ''-infinity'', p_end_time => ''infinity''', 'usual traced used dry failed missing bare',
    'a window without limits'),
    (', p_limit => 1',                                 'usual',                                     'the smallest page'),
    (', p_limit => 1000',                              'usual traced used dry failed missing bare',
    'the largest page')) AS list (arguments, agents, said);
SELECT is(audit.list_audit_logs(p_order => 'desc')::json #>> '{items,0,agent_id}', 'bare', 'desc begins with the newest');
SELECT is(audit.list_audit_logs()::json #>> '{items,0,agent_id}', 'bare', 'which is what happens when nothing is said');

SET LOCAL app.tenant_id = 'tap-b';
SELECT is(pg_temp.agents(arguments), agents, said)
FROM (VALUES
    (', p_trace_id => ''t2''', 'usual', 'tap-b: a trace that tap-a has too finds the record of tap-b alone'),
    (', p_trace_id => ''t1''', NULL,    'tap-b: a trace of tap-a finds nothing')) AS list (arguments, agents, said);
SET LOCAL app.tenant_id = 'tap-a';

-- Refused, each with the name of the argument.
SELECT is(pg_temp.refusal(arguments), refusal, said || ' is refused')
FROM (VALUES
    ('p_limit => 0',          'RF003|limit|limit is a number from 1 to 1000',             'a page of nothing'),
    ('p_limit => -1',         'RF003|limit|limit is a number from 1 to 1000',             'a page of less'),
    ('p_limit => 1001',       'RF003|limit|limit is a number from 1 to 1000',             'a page of 1001'),
    ('p_limit => 2147483647', 'RF003|limit|limit is a number from 1 to 1000',             'a page of all there is'),
    ('p_limit => NULL',       'RF003|limit|limit is a number from 1 to 1000',             'a page of unknown size'),
    ('p_order => ''DESC''',   'RF003|order|order is asc or desc',                         'an order in upper case'),
    ('p_order => ''random''', 'RF003|order|order is asc or desc',                         'another order'),
    ('p_order => NULL',       'RF003|order|order is asc or desc',                         'no order'),
    ('p_mode => ''live''',    'RF003|mode|mode is DRY_RUN or LIVE',                       'an unknown mode'),
    ('p_mode => ''''',        'RF003|mode|mode is DRY_RUN or LIVE',                       'an empty mode'),
    ('p_status => ''sent''',  'RF003|status|status is started, success, error or denied', 'an unknown status'),
    ('p_cursor => ''''',      'RF003|cursor|the cursor does not belong to this list',     'an empty cursor'),
    ('p_cursor => ''x''',     'RF003|cursor|the cursor does not belong to this list',
        'a cursor that is none')) AS refused (arguments, refusal, said);
SELECT is(pg_temp.refusal('p_limit => 1, p_order => ''asc'', p_mode => ''LIVE'', p_status => ''denied'''), 'accepted',
    'the same arguments with known values are accepted');

-- The modes and statuses that the list knows are those that a record can have.
SELECT lives_ok(format('SELECT audit.list_audit_logs(%s => %L)', known.argument, known.value),
    format('%s => %s can be listed', known.argument, known.value))
FROM (SELECT 'p_' || a.attname AS argument, word[1] AS value
      FROM pg_constraint AS c
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
      CROSS JOIN LATERAL regexp_matches(pg_get_constraintdef(c.oid), '''([A-Za-z_]+)''::text', 'g') AS word
      WHERE c.conname IN ('audit_logs_mode_known', 'audit_logs_status_known')) AS known;

SELECT * FROM finish();
ROLLBACK;
