-- Proves: audit.list_audit_logs() answers in JSON of exactly one shape: these members in this order, numbers as numbers,
-- unknowns as null, times in UTC to the microsecond whatever the session's zone; and any text comes back as it went in.

BEGIN;
SELECT plan(13);

-- A login that names its tenant, as an operator would make it.
\ir ../support/gateway.sql

SELECT audit.create_tenant('tap-a') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at, recorded_at)
VALUES ('01900000-0000-7000-8000-00000000000b', 'tap-a', 'bare', '1970-01-01 00:00:00+00', NULL);
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error,
    created_at, recorded_at, api_key_id, context)
VALUES ('01900000-0000-7000-8000-00000000000a', 'trace', 'tap-a', 'agent', 'LIVE', 'error', 502, 17, 'user', 'bad gateway',
        '2001-01-01 00:00:00.000001+00', '2002-01-01 00:00:00.000002+00', '0123456789abcdef', '{"origin" :1}');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SET LOCAL app.tenant_id = 'tap-a';
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';

SELECT is(audit.list_audit_logs(),
    '{"count": 2, "items": [{"id":"01900000-0000-7000-8000-00000000000a","trace_id":"trace","tenant_id":"tap-a",'
    '"agent_id":"agent","mode":"LIVE","status":"error","http_status":502,"latency_ms":17,"user_id":"user",'
    '"error":"bad gateway","created_at":"2001-01-01T00:00:00.000001Z","recorded_at":"2002-01-01T00:00:00.000002Z",'
    '"api_key_id":"0123456789abcdef","context":{"origin" :1}}, {"id":"01900000-0000-7000-8000-00000000000b",'
    '"trace_id":null,"tenant_id":"tap-a","agent_id":"bare","mode":null,"status":null,"http_status":null,'
    '"latency_ms":null,"user_id":null,"error":null,"created_at":"1970-01-01T00:00:00.000000Z",'
    '"recorded_at":null,"api_key_id":null,"context":null}], '
    '"next_cursor": null, "previous_cursor": "'
    || audit.page_cursor(978307200000001, '01900000-0000-7000-8000-00000000000a', 'tap-a', 'asc', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    || '", "has_more": false}', 'the whole answer, in UTC whatever the zone and date style of the session');
SELECT is(audit.list_audit_logs(p_agent_id => 'nobody'),
    '{"count": 0, "items": [], "next_cursor": null, "previous_cursor": null, "has_more": false}',
    'an empty page');
SELECT results_eq(
    $$SELECT key, json_typeof(value) FROM json_each(audit.list_audit_logs(p_limit => 1)::json)$$,
    $$VALUES ('count', 'number'), ('items', 'array'), ('next_cursor', 'string'), ('previous_cursor', 'string'), ('has_more', 'boolean')$$,
    'a page with a next one: both cursors are strings');
SELECT results_eq(
    $$SELECT json_object_keys(audit.list_audit_logs()::json #> '{items,0}')$$,
    $$SELECT a.attname::text COLLATE "default" FROM pg_attribute AS a
      WHERE a.attrelid = 'audit.audit_logs'::regclass AND a.attnum > 0 AND a.attname <> 'recorded_xid' AND NOT a.attisdropped ORDER BY a.attnum$$,
    'an item has every column of the table but recorded_xid, in its order');

-- What JSON must escape, and what the outside world must not misread. Written first: within one statement a list would not
-- yet see them.
RESET SESSION AUTHORIZATION;
CREATE TEMPORARY TABLE sample AS
    SELECT * FROM (VALUES
        ('"',                     'a quotation mark'),
        ('\',                     'a backslash'),
        (E'\n\t\r',               'white space'),
        (E'\x01\x7f',             'a control character'),
        ('</script>',             'a piece of HTML'),
        (chr(8232),               'a line separator'),
        (chr(128512),             'a character beyond the basic plane'),
        ('","tenant_id":"tap-b',  'what would close the string')) AS sample (value, said);
GRANT SELECT ON sample TO tap_gateway;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT count(audit.insert_audit_log(value, 'LIVE', 'error', p_error => value)) AS written FROM sample \gset
SELECT is(audit.list_audit_logs(p_agent_id => value)::json #>> '{items,0,error}', value,
    said || ' comes back as it went in') FROM sample;
SELECT is(json_array_length(audit.list_audit_logs(p_limit => 1000)::json -> 'items'), 10, 'all ten records are one page of JSON');

SELECT * FROM finish();
ROLLBACK;
