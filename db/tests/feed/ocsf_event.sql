-- Proves: a record becomes this very event of OCSF: each field in its place, nothing that the record does not say, the same bytes whatever
-- the session has set. tests/feed checks events against the published schema.

BEGIN;
SELECT plan(37);

CREATE FUNCTION pg_temp.event(
    p_trace_id text DEFAULT NULL, p_agent_id text DEFAULT 'kyc', p_mode text DEFAULT NULL, p_status text DEFAULT NULL,
    p_http_status int DEFAULT NULL, p_latency_ms int DEFAULT NULL, p_user_id text DEFAULT NULL, p_error text DEFAULT NULL,
    p_created_at timestamptz DEFAULT '1970-01-01 00:00:00+00', p_recorded_at timestamptz DEFAULT NULL, p_api_key_id text DEFAULT NULL,
    p_context text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT audit.ocsf_event(
        ROW('01234567-89ab-7def-8123-456789abcdef', p_trace_id, 'tap-a', p_agent_id, p_mode, p_status, p_http_status, p_latency_ms,
            p_user_id, p_error, p_created_at, p_recorded_at, p_api_key_id, p_context)::audit.listed_audit_log,
        2, 4294967296, decode(repeat('0f', 32), 'hex'))
$$;
CREATE FUNCTION pg_temp.full() RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.event(
        '4bf92f3577b34da6a3ce929d0e0e4736', 'credit-scoring', 'LIVE', 'denied', 503, 1234, 'jane "j" ' || chr(92) || chr(10) || chr(1) || chr(233) || chr(128512),
        'no </script>', '2026-02-03 04:05:06.000999+00', '2026-02-03 04:05:07.123999+00', '0123456789abcdef',
        '{"gen_ai.agent.version":"1.4", "gen_ai.request.model":"m-1", "gen_ai.tool.name":"lookup", "gen_ai.conversation.id":"c-1",'
        || chr(10) || '"mcp.session.id":"s-1", "span_id":"00f067aa0ba902b7", "parent_span_id":"b7ad6b7169203331", "event":"loan.refused",'
        || chr(13) || '"resource":"account 1", "approver":"joe", "policy_id":"L-12", "reason_code":"R1", "input_sha256":"ab",'
        ' "output_sha256":"cd", "origin":"10.0.0.1", "dry_run_of":"id-1"}')
$$;

SELECT is(pg_temp.full(),
    '{"activity_id":99,"activity_name":"Invoke","category_uid":6,"category_name":"Application Activity","class_uid":6003,'
    '"class_name":"API Activity","type_uid":600399,"type_name":"API Activity: Other",'
    '"severity_id":3,"severity":"Medium","status_id":2,"status":"Failure","status_code":"denied","status_detail":"no </script>",'
    '"message":"Execution of agent credit-scoring: denied","time":1770091506000,'
    '"metadata":{"version":"1.9.0","product":{"name":"Ringfence","vendor_name":"Ringfence"},'
    '"profiles":["ai_operation","record_integrity","trace"],"uid":"01234567-89ab-7def-8123-456789abcdef","tenant_uid":"tap-a",'
    '"sequence":4294967296,"original_time":"2026-02-03T04:05:06.000999Z","logged_time":1770091507123,"event_code":"loan.refused"},'
    '"actor":{"app_uid":"0123456789abcdef","user":{"uid":"jane \"j\" \\\n\u0001' || U&'\00E9\+01F600' || '"},'
    '"authorizations":[{"policy":{"uid":"L-12"},"decision":"denied"}]},"src_endpoint":{"name":"10.0.0.1"},'
    '"api":{"operation":"execute","service":{"name":"lookup"}},'
    '"ai_agent":{"uid":"credit-scoring","version":"1.4","ai_model":{"ai_provider":"Unknown","name":"m-1"}},'
    '"http_response":{"code":503,"latency":1234},"trace":{"uid":"4bf92f3577b34da6a3ce929d0e0e4736"},'
    '"message_context":{"uid":"c-1","service":{"name":"credit-scoring"}},"resources":[{"name":"account 1"}],'
    '"unmapped":{"mode":"LIVE","span_id":"00f067aa0ba902b7","parent_span_id":"b7ad6b7169203331","mcp.session.id":"s-1","approver":"joe",'
    '"reason_code":"R1","input_sha256":"ab","output_sha256":"cd","dry_run_of":"id-1"},'
    '"attestation_list":[{"uid":"4294967296","chain_uid":"tap-a/2","fingerprint":{"algorithm_id":3,"algorithm":"SHA-256","encoding_id":1,'
    '"encoding":"Hex","serialization_id":99,"serialization":"Ringfence leaf 1","value":"' || repeat('0f', 32) || '"}}]}',
    'a record that says everything');
SELECT is(pg_temp.event(),
    '{"activity_id":99,"activity_name":"Invoke","category_uid":6,"category_name":"Application Activity","class_uid":6003,'
    '"class_name":"API Activity","type_uid":600399,"type_name":"API Activity: Other",'
    '"severity_id":0,"severity":"Unknown","status_id":0,"status":"Unknown","message":"Execution of agent kyc","time":0,'
    '"metadata":{"version":"1.9.0","product":{"name":"Ringfence","vendor_name":"Ringfence"},'
    '"profiles":["ai_operation","record_integrity","trace"],"uid":"01234567-89ab-7def-8123-456789abcdef","tenant_uid":"tap-a",'
    '"sequence":4294967296,"original_time":"1970-01-01T00:00:00.000000Z"},'
    '"actor":{"app_name":"Unknown"},"src_endpoint":{"name":"Unknown"},"api":{"operation":"execute","service":{"name":"kyc"}},'
    '"ai_agent":{"uid":"kyc"},'
    '"attestation_list":[{"uid":"4294967296","chain_uid":"tap-a/2","fingerprint":{"algorithm_id":3,"algorithm":"SHA-256","encoding_id":1,'
    '"encoding":"Hex","serialization_id":99,"serialization":"Ringfence leaf 1","value":"' || repeat('0f', 32) || '"}}]}',
    'one that says nothing: what OCSF demands, and no null');

-- How it ended.
SELECT is(concat_ws(' ', e ->> 'severity_id', e ->> 'severity', e ->> 'status_id', e ->> 'status', e ->> 'status_code', e ->> 'message'),
    expected, 'status ' || status)
FROM (VALUES
    ('started', '1 Informational 99 started started Execution of agent kyc: started'),
    ('success', '1 Informational 1 Success success Execution of agent kyc: success'),
    ('error', '2 Low 2 Failure error Execution of agent kyc: error'),
    ('denied', '3 Medium 2 Failure denied Execution of agent kyc: denied')) AS s (status, expected)
CROSS JOIN LATERAL CAST(pg_temp.event(p_status => s.status) AS json) AS e;
SELECT is(pg_temp.event(p_mode => 'DRY_RUN', p_status => 'success')::json ->> 'message', 'Dry run of agent kyc: success',
    'a dry run says first that it is one');
SELECT is(pg_temp.event(p_mode => mode)::jsonb -> 'unmapped', jsonb_build_object('mode', mode), 'mode ' || mode)
FROM unnest(ARRAY['DRY_RUN', 'LIVE']) AS mode;

-- Time in whole milliseconds, cut off: none is later than it was.
SELECT is(e ->> 'time', expected, 'created at ' || at)
FROM (VALUES ('2026-02-03 04:05:06.999999+00', '1770091506999'), ('9999-12-31 23:59:59.999999+00', '253402300799999')) AS t (at, expected)
CROSS JOIN LATERAL CAST(pg_temp.event(p_created_at => t.at::timestamptz) AS json) AS e;
SELECT is(pg_temp.event(p_created_at => '9999-12-31 23:59:59.999999+00')::json #>> '{metadata,original_time}',
    '9999-12-31T23:59:59.999999Z', 'the time as it is stands beside it');
SELECT is(pg_temp.event(p_recorded_at => '2026-02-03 04:05:06.999999+00')::json #>> '{metadata,logged_time}', '1770091506999',
    'so does the time of recording');

-- Each part alone: what stands beside it is not needed.
SELECT is(e #>> path::text[], expected, what)
FROM (VALUES
    (pg_temp.event(p_user_id => 'jane'), '{actor}', '{"app_name":"Unknown","user":{"uid":"jane"}}', 'a user, and no key'),
    (pg_temp.event(p_api_key_id => 'abc'), '{actor}', '{"app_uid":"abc"}', 'a key, and no user'),
    (pg_temp.event(p_http_status => 200), '{http_response}', '{"code":200}', 'a code without a latency'),
    (pg_temp.event(p_http_status => 200), '{unmapped}', NULL, 'nothing is unmapped then'),
    (pg_temp.event(p_latency_ms => 0), '{unmapped}', '{"latency_ms":0}', 'a latency without a code'),
    (pg_temp.event(p_latency_ms => 0), '{http_response}', NULL, 'makes no response'),
    (pg_temp.event(p_http_status => 200, p_latency_ms => 7), '{unmapped}', NULL, 'a latency with a code has its place'),
    (pg_temp.event(p_context => '{}'), '{api,service,name}', 'kyc', 'an empty context: the agent was called'),
    (pg_temp.event(p_context => '{}'), '{src_endpoint,name}', 'Unknown', 'from where is not known'),
    (pg_temp.event(p_context => '{}'), '{unmapped}', NULL, 'and nothing is unmapped'),
    (pg_temp.event(p_context => '{"gen_ai.agent.version":"2"}'), '{ai_agent}', '{"uid":"kyc","version":"2"}', 'a version of the agent alone'),
    (pg_temp.event(p_context => '{"gen_ai.request.model":"m"}'), '{ai_agent}',
        '{"uid":"kyc","ai_model":{"ai_provider":"Unknown","name":"m"}}', 'a model alone'),
    (pg_temp.event(p_context => '{"policy_id":"p"}'), '{actor,authorizations}', '[{"policy":{"uid":"p"}}]',
        'a policy, where it is not known how it ended'),
    (pg_temp.event(p_status => 'error', p_context => '{"policy_id":"p"}'), '{actor,authorizations}',
        '[{"policy":{"uid":"p"},"decision":"allowed"}]', 'what failed was allowed')) AS p (event, path, expected, what)
CROSS JOIN LATERAL CAST(p.event AS json) AS e;

-- What OCSF has as a text becomes one; the rest keeps its type. The number is more than numeric, and so jsonb, can hold.
SELECT is(pg_temp.event(p_context => '{"event":5,"resource":true,"approver":1e200000,"reason_code":false,"span_id":"a\"\n"}')::json #>> path::text[],
    expected, what)
FROM (VALUES
    ('{metadata,event_code}', '5', 'a number as a text'),
    ('{resources}', '[{"name":"true"}]', 'a boolean as a text'),
    ('{unmapped}', '{"span_id":"a\"\n","approver":1e200000,"reason_code":false}', 'what is unmapped, with its type')) AS c (path, expected, what);
SELECT is(json_typeof(pg_temp.event(p_context => '{"event":5}')::json #> '{metadata,event_code}'), 'string', 'a text it is');

-- A name that a context may have, and that the event forgets, would be lost to the reader.
SELECT is_empty(
    $$SELECT name FROM regexp_matches((SELECT prosrc FROM pg_proc WHERE oid = 'audit.is_context'::regproc), '''([a-z0-9_.]+)''[,\]]', 'g') AS m
      CROSS JOIN LATERAL (SELECT m[1] AS name) AS n
      WHERE audit.is_context(json_build_object(name, 'x'))
        AND strpos(pg_temp.event(p_context => json_build_object(name, 'here it is')::text), '"here it is"') = 0$$,
    'every name of a context is somewhere in the event');
SELECT cmp_ok(
    (SELECT count(*) FROM regexp_matches((SELECT prosrc FROM pg_proc WHERE oid = 'audit.is_context'::regproc), '''([a-z0-9_.]+)''[,\]]', 'g') AS m
     WHERE audit.is_context(json_build_object(m[1], 'x'))), '>=', 16::bigint, 'all of them were tried');

SELECT is(strpos(pg_temp.full(), chr(10)) + strpos(pg_temp.full(), chr(13)), 0, 'an event is one line');

-- Each setting that changes how something is printed or read, set to what it is not.
SELECT pg_temp.full() || pg_temp.event() AS events \gset
ALTER FUNCTION audit.ocsf_event COST 99;   -- its body is read anew, with these settings
SET LOCAL timezone = 'Pacific/Kiritimati';
SET LOCAL datestyle = 'German, DMY';
SET LOCAL intervalstyle = 'sql_standard';
SET LOCAL extra_float_digits = -15;
SET LOCAL bytea_output = 'escape';
SET LOCAL lc_numeric = 'C.UTF-8';
SET LOCAL lc_time = 'C.UTF-8';
SET LOCAL escape_string_warning = off;
SET LOCAL standard_conforming_strings = off;
SELECT is(pg_temp.full() || pg_temp.event(), :'events'::text, 'the bytes are the same with every other setting');
SET LOCAL standard_conforming_strings = on;

-- Who may ask for one: a named tenant. A key gets its events from the feed.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$SELECT audit.ocsf_event(NULL, 1, 1, NULL)$$, '42501', 'permission denied for function ocsf_event',
    'a login that must prove its tenant makes no events by itself');
RESET SESSION AUTHORIZATION;
\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT isnt(audit.ocsf_event(NULL, 1, 1, NULL), NULL, 'one that names it does');

SELECT * FROM finish();
ROLLBACK;
