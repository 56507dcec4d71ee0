-- Proves: an export gives all records of the transaction's tenant that its filters find, and no others, in exact text and in
-- order; says when it is complete; keeps spreadsheets from calculating; and is on record first.

BEGIN;
SELECT plan(133);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-none') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS read_key, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
\ir ../support/gateway.sql

-- One record that differs from the usual in one respect, for each filter; their agent is what the tests look for.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
SELECT gen_random_uuid(), 'tap-b', r.*
FROM (VALUES
    ('usual',   't1', 'u1', 'LIVE',    'success', 200,  timestamptz '2001-01-01 00:00:00+00'),
    ('traced',  't2', 'u1', 'LIVE',    'success', 200,  '2001-01-01 00:00:01+00'),
    ('used',    't1', 'u2', 'LIVE',    'success', 200,  '2001-01-01 00:00:02+00'),
    ('dry',     't1', 'u1', 'DRY_RUN', 'success', 200,  '2001-01-01 00:00:03+00'),
    ('failed',  't1', 'u1', 'LIVE',    'error',   200,  '2001-01-01 00:00:04+00'),
    ('missing', 't1', 'u1', 'LIVE',    'success', 404,  '2001-01-01 00:00:05+00'),
    ('bare',    NULL, NULL, NULL,      NULL,      NULL, '2001-01-01 00:00:06+00')) AS r;
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at,
    recorded_at, api_key_id, context)
VALUES ('01900000-0000-7000-8000-00000000000b', NULL, 'tap-a', 'bare', NULL, NULL, NULL, NULL, NULL, NULL, '1970-01-01 00:00:00+00',
        NULL, NULL, NULL),
       ('01900000-0000-7000-8000-00000000000a', E'tr"\\a\nce', 'tap-a', 'agent, Grüße', 'LIVE', 'error', 502, 17, '=1+1', E'\t"bad"',
        '2001-01-01 00:00:00.000001+00', '2002-01-01 00:00:00.000002+00', '0123456789abcdef', E'\n{"event": "\\"a,b\\"",\r\n "origin":1}');

-- The whole text of an export, read part by part as the service does.
CREATE FUNCTION pg_temp.exported(p_arguments text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state text; v_part record; v_text text := '';
BEGIN
    EXECUTE format('SELECT audit.begin_export(%s)', p_arguments) INTO v_state;
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
-- The agents of an export, and its last line.
CREATE FUNCTION pg_temp.agents(p_arguments text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(line::json ->> 'agent_id', line), ' ' ORDER BY position)
    FROM regexp_split_to_table(rtrim(pg_temp.exported(p_arguments), E'\n'), E'\n') WITH ORDINALITY AS l (line, position)
$$;
CREATE FUNCTION pg_temp.events(p_tenant_id text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(' ', e.act, e.api_key_id, 'by', e.actor), ', ' ORDER BY e.id)
    FROM audit.admin_events AS e WHERE e.tenant_id = p_tenant_id AND e.act = 'records exported'
$$;
CREATE FUNCTION pg_temp.refusal(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_message text; v_column text;
BEGIN
    EXECUTE 'SELECT ' || p_call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME;
    RETURN concat_ws('|', SQLSTATE, nullif(v_column, ''), v_message);
END
$$;
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';

-- Before any tenant was ever set.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.refusal('audit.record_export()'), 'RF001|no tenant is set for this transaction',
    'nothing is on record of no tenant');
RESET SESSION AUTHORIZATION;

-- The exact text.
\set newest '{"id":"01900000-0000-7000-8000-00000000000a","trace_id":"tr\\"\\\\a\\nce","tenant_id":"tap-a","agent_id":"agent, Grüße","mode":"LIVE","status":"error","http_status":502,"latency_ms":17,"user_id":"=1+1","error":"\\t\\"bad\\"","created_at":"2001-01-01T00:00:00.000001Z","recorded_at":"2002-01-01T00:00:00.000002Z","api_key_id":"0123456789abcdef","context": {"event": "\\"a,b\\"",   "origin":1}}'
\set oldest '{"id":"01900000-0000-7000-8000-00000000000b","trace_id":null,"tenant_id":"tap-a","agent_id":"bare","mode":null,"status":null,"http_status":null,"latency_ms":null,"user_id":null,"error":null,"created_at":"1970-01-01T00:00:00.000000Z","recorded_at":null,"api_key_id":null,"context":null}'
\set header 'id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,created_at,recorded_at,api_key_id,context'
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a gateway names tap-a');
SELECT is(pg_temp.exported(), concat_ws(E'\n', :'newest', :'oldest', '{"complete": true, "count": 2}', ''),
    'NDJSON: a record a line, newest first, times in UTC whatever the session''s zone, and the mark of the end');
SELECT is(pg_temp.exported('p_order => ''asc'''), concat_ws(E'\n', :'oldest', :'newest', '{"complete": true, "count": 2}', ''),
    'or oldest first');
SELECT is(pg_temp.exported('p_format => ''csv'''), concat_ws(E'\r\n', :'header',
    E'01900000-0000-7000-8000-00000000000a,"tr""\\a\nce",tap-a,"agent, Grüße",LIVE,error,502,17,"''=1+1","''\t""bad""",'
    || E'2001-01-01T00:00:00.000001Z,2002-01-01T00:00:00.000002Z,0123456789abcdef,"''\n{""event"": ""\\""a,b\\"""",\r\n ""origin"":1}"',
    '01900000-0000-7000-8000-00000000000b,,tap-a,"bare",,,,,,,1970-01-01T00:00:00.000000Z,,,', '#complete,2,,,,,,,,,,,,', ''),
    'CSV: header, quotes doubled, apostrophes before formulas, unknowns empty, and the mark of the end');
SELECT is(pg_temp.exported('p_agent_id => ''nobody'''), E'{"complete": true, "count": 0}\n', 'an empty export says that it is one');
SELECT is(pg_temp.exported('p_format => ''csv'', p_user_id => ''nobody'''), concat_ws(E'\r\n', :'header', '#complete,0,,,,,,,,,,,,', ''),
    'in CSV too, below the header');
SELECT is(audit.set_tenant('tap-none'), 'tap-none', 'a tenant without records');
SELECT is(pg_temp.exported(), E'{"complete": true, "count": 0}\n', 'has an empty export');
SELECT is(pg_temp.exported('p_format => ''csv'''), concat_ws(E'\r\n', :'header', '#complete,0,,,,,,,,,,,,', ''), 'in CSV too');

-- The filters, as in a list.
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'with tap-b named');
SELECT is(pg_temp.agents(format('p_order => %L', o) || arguments),
    CASE o WHEN 'asc' THEN agents
           ELSE (SELECT string_agg(a, ' ' ORDER BY n DESC) || ' ' FROM regexp_split_to_table(rtrim(agents), ' ') WITH ORDINALITY AS s (a, n))
    END || format('{"complete": true, "count": %s}', cardinality(string_to_array(agents, ' ')) - 1), concat_ws(', ', said, o))
FROM (VALUES
    ('',                                             'usual traced used dry failed missing bare ', 'without filters the whole tenant'),
    (', p_agent_id => ''usual''',                    'usual ',       'agent_id'),
    (', p_trace_id => ''t2''',                       'traced ',      'trace_id'),
    (', p_user_id => ''u2''',                        'used ',        'user_id'),
    (', p_mode => ''DRY_RUN''',                      'dry ',         'mode'),
    (', p_status => ''error''',                      'failed ',      'status'),
    (', p_http_status => 404',                       'missing ',     'http_status'),
    (', p_trace_id => ''t1'', p_mode => ''LIVE'', p_status => ''success''', 'usual used missing ', 'filters narrow each other'),
    (', p_start_time => ''2001-01-01 00:00:05+00''', 'missing bare ', 'start_time is included'),
    (', p_start_time => ''2001-01-01 00:00:05.000001+00''', 'bare ', 'one microsecond later it is not'),
    (', p_end_time => ''2001-01-01 00:00:01+00''',   'usual ',       'end_time is not included'),
    (', p_end_time => ''2001-01-01 00:00:01.000001+00''', 'usual traced ', 'one microsecond later it is'),
    (', p_start_time => ''-infinity'', p_end_time => ''infinity''', 'usual traced used dry failed missing bare ', 'a window without limits')
    ) AS export (arguments, agents, said), (VALUES ('asc'), ('desc')) AS orders (o);
SELECT is(regexp_count(pg_temp.exported('p_format => ''csv'', ' || arguments), E'\r\n'), 3, 'in CSV: ' || arguments)
FROM (VALUES ('p_user_id => ''u2'''), ('p_mode => ''DRY_RUN'''), ('p_status => ''error'''), ('p_http_status => 404')) AS a (arguments);

-- Formulas, in each column that holds a caller's words.
RESET SESSION AUTHORIZATION;
CREATE TEMPORARY TABLE sample AS
    SELECT * FROM (VALUES
        ('=1', '''=1'), ('+1', '''+1'), ('-1', '''-1'), ('@x', '''@x'), (E'\tx', E'''\tx'), (E'\rx', E'''\rx'), (E'\nx', E'''\nx'),
        (U&'\FF1D1', U&'''\FF1D1'), (U&'\FF0B1', U&'''\FF0B1'), (U&'\FF0D1', U&'''\FF0D1'), (U&'\FF20x', U&'''\FF20x'), (U&'\FEFF=1', U&'''\FEFF=1'),
        (' =1', ' =1'), ('1=1', '1=1'), (E'x\n=1', E'x\n=1'), ('''=1', '''=1'), ('t', 't'), ('r', 'r'), ('\', '\'), ('a"b', 'a""b'),
        ('="', '''=""'), ('a,b', 'a,b')) AS s (value, cell);
GRANT SELECT ON sample TO tap_gateway;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, error)
SELECT gen_random_uuid(), 'tap-none', value, value, value, value FROM sample;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-none') \gset
SELECT alike(pg_temp.exported(format('p_format => ''csv'', p_agent_id => %L', value)),
    format(E'%%,"%1$s",tap-none,"%1$s",,,,,"%1$s","%1$s",%%', replace(cell, '\', '\\')), format('%s becomes %s', to_json(value), to_json(cell))) FROM sample;
SELECT is(line -> 'agent_id' = to_jsonb(value) AND line -> 'trace_id' = to_jsonb(value) AND line -> 'user_id' = to_jsonb(value)
        AND line -> 'error' = to_jsonb(value), true, 'in NDJSON it is itself: ' || to_json(value))
FROM sample, LATERAL (SELECT split_part(pg_temp.exported(format('p_agent_id => %L', value)), E'\n', 1)::jsonb) AS exported (line);

-- Each value that an argument may have; the others are refused below.
SELECT is(pg_temp.refusal('audit.begin_export(' || arguments || ')'), 'accepted', arguments || ' is accepted')
FROM (VALUES
    ('p_format => ''ndjson'''), ('p_format => ''csv'''), ('p_order => ''asc'''), ('p_order => ''desc'''), ('p_mode => ''DRY_RUN'''),
    ('p_mode => ''LIVE'''), ('p_status => ''started'''), ('p_status => ''success'''), ('p_status => ''error'''),
    ('p_status => ''denied''')) AS accepted (arguments);

-- The state is no way to another tenant.
SELECT audit.set_tenant('tap-b') \gset
SELECT audit.begin_export() AS state_of_b \gset
SELECT audit.set_tenant('tap-a') \gset
SELECT audit.continue_export(:'state_of_b') \gset
SELECT is((SELECT string_agg(convert_from(lines, 'UTF8'), '') FROM audit.export_audit_logs()),
    concat_ws(E'\n', :'newest', :'oldest', '{"complete": true, "count": 2}', ''), 'the state of another''s export opens nothing of it');

-- On record, before a line is sent, and not for what is refused.
RESET SESSION AUTHORIZATION;
DELETE FROM audit.admin_events WHERE act = 'records exported';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.refusal('audit.begin_export(' || arguments || ')'), refusal, arguments || ' is refused')
FROM (VALUES
    ('p_format => ''xml''',   'RF003|format|format is ndjson, csv or evidence'),
    ('p_format => ''CSV''',   'RF003|format|format is ndjson, csv or evidence'),
    ('p_format => NULL',      'RF003|format|format is ndjson, csv or evidence'),
    ('p_order => ''DESC''',   'RF003|order|order is asc or desc'),
    ('p_order => NULL',       'RF003|order|order is asc or desc'),
    ('p_mode => ''live''',    'RF003|mode|mode is DRY_RUN or LIVE'),
    ('p_status => ''Error''', 'RF003|status|status is started, success, error or denied'),
    ('p_status => ''sent''',  'RF003|status|status is started, success, error or denied')) AS refused (arguments, refusal);
SELECT is(pg_temp.events('tap-a'), NULL, 'nothing is on record of what was refused');
SET LOCAL synchronous_commit = off;
SELECT audit.begin_export() AS state \gset
SELECT is(pg_temp.events('tap-a'), 'records exported by tap_gateway', 'an export is on record when it has begun, by its login');
SELECT is(current_setting('synchronous_commit'), 'on', 'and that will be on the disk');
SELECT set_config('app.tenant_id', 'tap-unknown', true) \gset
SELECT is(pg_temp.refusal('audit.begin_export()'), 'RF002|the tenant is not registered', 'a name that nobody registered is refused');
SELECT set_config('app.tenant_id', '', true), set_config('app.export', '', true) \gset
SELECT is(pg_temp.refusal(call), 'RF001|no tenant is set for this transaction', 'without a tenant: ' || call)
FROM (VALUES ('audit.begin_export()'), ('audit.export_audit_logs()'), ('audit.record_export()')) AS c (call);

-- With a key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT audit.continue_export(:'state') \gset
SELECT is(pg_temp.refusal(call), 'RF001|no tenant is proven for this statement', 'with a name instead of a key: ' || left(call, 34))
FROM (VALUES ('audit.begin_export()'), ('audit.begin_export(' || quote_literal(:'key') || ')'), ('audit.record_export()'),
             ('audit.export_audit_logs()'), ('audit.export_proven_audit_logs()')) AS c (call);
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'with a key that only writes');
SELECT is(pg_temp.refusal(call), refusal, 'refused: ' || left(call, 34))
FROM (VALUES ('audit.begin_export(' || quote_literal(:'write_key') || ')', 'RF006|the API key has not the scope read'),
             ('audit.export_audit_logs()', 'RF006|the API key has not the scope read'),
             ('audit.record_export(' || quote_literal(:'write_key') || ')', 'RF001|no tenant is proven for this statement'),
             ('audit.export_proven_audit_logs()', 'RF001|no tenant is proven for this statement')) AS c (call, refusal);
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'with a key that reads');
SELECT is(pg_temp.refusal('audit.begin_export(' || key || ')'), refusal, 'and another handed on: ' || refusal)
FROM (VALUES ('NULL', 'RF001|no tenant is proven for this statement'),
             (quote_literal(:'key_of_b'), 'RF007|the API key belongs to another tenant'),
             (quote_literal(:'write_key'), 'RF006|the API key has not the scope read'),
             (quote_literal('rf_0'), 'RF005|the API key is not valid')) AS c (key, refusal);
SELECT is(pg_temp.events('tap-a'), 'records exported by tap_gateway', 'none of these is on record');
SELECT is(pg_temp.exported(quote_literal(:'read_key')), concat_ws(E'\n', :'newest', :'oldest', '{"complete": true, "count": 2}', ''),
    'the same key handed on: the same export as a gateway''s');
SELECT is(pg_temp.events('tap-a'), format('records exported by tap_gateway, records exported %s by audit_app', split_part(:'read_key', '_', 2)),
    'it is on record with the key');
SELECT alike(audit.list_admin_events(), '%"act":"records exported","api_key_id":"' || split_part(:'read_key', '_', 2) || '"%',
    'where the tenant reads it');
SELECT set_config('app.export', '', true) \gset
SELECT is(pg_temp.refusal('audit.export_audit_logs()'), 'RF003|state|no export is under way in this transaction', 'and none without an export');

-- A login that names no tenant has no export to put on record, whatever it may call.
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SET LOCAL ROLE audit_owner;
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT is(pg_temp.refusal('audit.record_export()'), 'RF001|no tenant is proven for this statement',
    'the owner puts nothing on record');
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.refusal('audit.record_export()'), 'accepted', 'the gateway does, in the same name');

SELECT * FROM finish();
ROLLBACK;
