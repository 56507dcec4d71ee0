-- Proves: a record becomes this very event of CloudEvents, with the record as a list shows it, and only attributes that are true and allowed.
-- tests/feed checks events against the published schema.

BEGIN;
SELECT plan(38);

CREATE FUNCTION pg_temp.event(
    p_trace_id text DEFAULT NULL, p_agent_id text DEFAULT 'kyc', p_status text DEFAULT NULL, p_context text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
    SELECT audit.cloud_event(
        ROW('01234567-89ab-7def-8123-456789abcdef', p_trace_id, 'tap-a', p_agent_id, NULL, p_status, NULL, NULL, NULL, NULL,
            '1970-01-01 00:00:00+00', NULL, NULL, p_context)::audit.listed_audit_log,
        2, 4294967296, decode(repeat('0f', 32), 'hex'))
$$;
CREATE FUNCTION pg_temp.full() RETURNS text LANGUAGE sql AS $$
    SELECT audit.cloud_event(
        ROW('01234567-89ab-7def-8123-456789abcdef', '4bf92f3577b34da6a3ce929d0e0e4736', 'tap-a', 'credit-scoring', 'LIVE', 'denied', 503, 1234,
            'jane "j" ' || chr(92) || chr(10) || chr(1) || chr(233) || chr(128512), 'no </script>', '2026-02-03 04:05:06.000999+00', '9999-12-31 23:59:59.999999+00',
            '0123456789abcdef',
            '{"span_id":"00f067aa0ba902b7",' || chr(10) || chr(13) || '"event":"loan"}')::audit.listed_audit_log,
        2, 4294967296, decode(repeat('0f', 32), 'hex'))
$$;

SELECT is(pg_temp.full(),
    '{"specversion":"1.0","id":"01234567-89ab-7def-8123-456789abcdef","source":"/tenants/tap-a","type":"ringfence.execution.denied",'
    '"subject":"credit-scoring","time":"2026-02-03T04:05:06.000999Z","datacontenttype":"application/json",'
    '"traceid":"4bf92f3577b34da6a3ce929d0e0e4736","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",'
    '"leafepoch":2,"leafindex":"4294967296","leafhash":"' || repeat('0f', 32) || '",'
    '"data":{"id":"01234567-89ab-7def-8123-456789abcdef","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","tenant_id":"tap-a",'
    '"agent_id":"credit-scoring","mode":"LIVE","status":"denied","http_status":503,"latency_ms":1234,'
    '"user_id":"jane \"j\" \\\n\u0001' || U&'\00E9\+01F600' || '","error":"no </script>","created_at":"2026-02-03T04:05:06.000999Z",'
    '"recorded_at":"9999-12-31T23:59:59.999999Z","api_key_id":"0123456789abcdef",'
    '"context":{"span_id":"00f067aa0ba902b7",  "event":"loan"}}}', 'a record that says everything');
SELECT is(pg_temp.event(),
    '{"specversion":"1.0","id":"01234567-89ab-7def-8123-456789abcdef","source":"/tenants/tap-a","type":"ringfence.execution",'
    '"subject":"kyc","time":"1970-01-01T00:00:00.000000Z","datacontenttype":"application/json",'
    '"leafepoch":2,"leafindex":"4294967296","leafhash":"' || repeat('0f', 32) || '",'
    '"data":{"id":"01234567-89ab-7def-8123-456789abcdef","trace_id":null,"tenant_id":"tap-a","agent_id":"kyc","mode":null,"status":null,'
    '"http_status":null,"latency_ms":null,"user_id":null,"error":null,"created_at":"1970-01-01T00:00:00.000000Z","recorded_at":null,'
    '"api_key_id":null,"context":null}}', 'one that says nothing: no attribute without a value, and null in the data');

SELECT is(pg_temp.event(p_status => status)::json ->> 'type', 'ringfence.execution.' || status, 'the type of ' || status)
FROM unnest(ARRAY['started', 'success', 'error', 'denied']) AS status;

-- The data, for every member that a record has.
SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
VALUES ('01234567-89ab-7def-8123-456789abcdef', 't', 'tap-a', 'kyc', 'DRY_RUN', 'error', 500, 3, 'jane', 'failed', '{"event": "e"}');
\ir ../support/gateway.sql
SET LOCAL app.tenant_id = 'tap-a';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(
    (SELECT audit.cloud_event(ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
                                  l.error, l.created_at, l.recorded_at, l.api_key_id, l.context::text)::audit.listed_audit_log,
                              1, 0, decode('00', 'hex'))::json ->> 'data'
     FROM audit.audit_logs AS l WHERE l.tenant_id = 'tap-a'),
    audit.get_audit_log('01234567-89ab-7def-8123-456789abcdef'), 'the data is the record as it is listed, byte for byte');
RESET SESSION AUTHORIZATION;

-- traceparent is that of W3C Trace Context, or is not there.
\set trace '4bf92f3577b34da6a3ce929d0e0e4736'
SELECT is(e ->> 'traceparent', NULL, 'no traceparent: ' || what)
FROM (VALUES
    (:'trace', NULL, 'no context'),
    (:'trace', '{}', 'no span'),
    (:'trace', '{"span_id":"00f067aa0ba902b"}', 'a span too short'),
    (:'trace', '{"span_id":"00f067aa0ba902b77"}', 'a span too long'),
    (:'trace', '{"span_id":"00F067AA0BA902B7"}', 'a span in capitals'),
    (:'trace', '{"span_id":"00f067aa0ba902b7\n"}', 'a span with a line break'),
    (:'trace', '{"span_id":"0000000000000000"}', 'a span of zeros'),
    (NULL, '{"span_id":"00f067aa0ba902b7"}', 'no trace'),
    ('4711', '{"span_id":"00f067aa0ba902b7"}', 'a trace of the caller''s own'),
    ('x' || :'trace', '{"span_id":"00f067aa0ba902b7"}', 'a trace too long in front'),
    (:'trace' || '0', '{"span_id":"00f067aa0ba902b7"}', 'a trace too long behind'),
    (upper(:'trace'), '{"span_id":"00f067aa0ba902b7"}', 'a trace in capitals'),
    (repeat('0', 32), '{"span_id":"00f067aa0ba902b7"}', 'a trace of zeros')) AS t (trace_id, context, what)
CROSS JOIN LATERAL CAST(pg_temp.event(p_trace_id => t.trace_id, p_context => t.context) AS json) AS e;
SELECT is(pg_temp.event(p_trace_id => '4711')::json ->> 'traceid', '4711', 'the trace of the caller''s own is told as it is');

-- An attribute holds no control character and nothing that Unicode calls no character; the data does.
SELECT is(concat_ws(' ', e ->> 'subject', e ->> 'traceid', length(e #>> '{data,agent_id}')::text, length(e #>> '{data,trace_id}')::text), '3 3',
    format('U+%s is in the data alone', upper(to_hex(code))))
FROM unnest(ARRAY[1, 10, 31, 127, 159, 64976, 65007, 65534, 65535, 131070, 1114110, 1114111]) AS code
CROSS JOIN LATERAL CAST(pg_temp.event(p_agent_id => 'a' || chr(code) || 'b', p_trace_id => 'a' || chr(code) || 'b') AS json) AS e;
SELECT is(concat_ws('|', e ->> 'subject', e ->> 'traceid'), concat_ws('|', name, name), 'any other character is in both')
FROM CAST(U&'- ]^a \005C\00A0\00E9\D7FF\E000\FDCF\FDF0\FFFD\+010000\+01F600\+10FFFD~' AS text) AS name CROSS JOIN LATERAL CAST(pg_temp.event(p_agent_id => name, p_trace_id => name) AS json) AS e;

SELECT is(strpos(pg_temp.full(), chr(10)) + strpos(pg_temp.full(), chr(13)), 0, 'an event is one line');

-- Each setting that changes how something is printed or read, set to what it is not.
SELECT pg_temp.full() || pg_temp.event() AS events \gset
ALTER FUNCTION audit.cloud_event COST 99;   -- its body is read anew, with these settings
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
SELECT throws_ok($$SELECT audit.cloud_event(NULL, 1, 1, NULL)$$, '42501', 'permission denied for function cloud_event',
    'a login that must prove its tenant makes no events by itself');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT isnt(audit.cloud_event(NULL, 1, 1, NULL), NULL, 'one that names it does');

SELECT * FROM finish();
ROLLBACK;
