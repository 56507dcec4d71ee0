-- Proves: the lines that leaves are hashes of have these very bytes, whatever the session has set: they must be the same for ever.

BEGIN;
SELECT plan(13);
\ir ../support/sealer.sql

CREATE TEMPORARY TABLE log OF audit.listed_audit_log;
INSERT INTO log VALUES
    ('01234567-89ab-7def-8123-456789abcdef', '4bf92f3577b34da6a3ce929d0e0e4736', 'tap-a', 'credit-scoring', 'LIVE', 'error', 503, 1234,
     E'jane "j" \\ doe\n\t\u0001\u00e9\U0001F600', E'line\r\x7f/</script>', '2026-02-03 04:05:06.000007+00',
     '2026-02-03 04:05:06.123456+00', '0123456789abcdef', '{"resource": "a\u0000b",  "event":"x"}'),
    ('00000000-0000-0000-0000-000000000001', NULL, 'tap-a', 'agent', NULL, NULL, NULL, NULL, NULL, NULL, '1970-01-01 00:00:00+00',
     NULL, NULL, NULL);
GRANT SELECT ON log TO PUBLIC;
\set full 'log AS l WHERE l.trace_id IS NOT NULL'
\set bare 'log AS l WHERE l.trace_id IS NULL'
PREPARE lines AS
    SELECT audit.record_leaf_line(ROW(l.*)::audit.listed_audit_log, repeat('ab', 32)),
           audit.private_leaf_line(ROW(l.*)::audit.listed_audit_log, decode(repeat('0f', 32), 'hex'))
    FROM log AS l ORDER BY l.id;

SELECT is(audit.record_leaf_line(ROW(l.*)::audit.listed_audit_log, repeat('ab', 32)),
    '{"version":1,"kind":"record","tenant_id":"tap-a","id":"01234567-89ab-7def-8123-456789abcdef",'
    '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","agent_id":"credit-scoring","mode":"LIVE","status":"error","http_status":503,'
    '"latency_ms":1234,"created_at":"2026-02-03T04:05:06.000007Z","recorded_at":"2026-02-03T04:05:06.123456Z",'
    '"api_key_id":"0123456789abcdef","private_sha256":"' || repeat('ab', 32) || '"}', 'the line of a record')
FROM :full;
SELECT is(audit.record_leaf_line(ROW(l.*)::audit.listed_audit_log, repeat('ab', 32)),
    '{"version":1,"kind":"record","tenant_id":"tap-a","id":"00000000-0000-0000-0000-000000000001",'
    '"trace_id":null,"agent_id":"agent","mode":null,"status":null,"http_status":null,"latency_ms":null,'
    '"created_at":"1970-01-01T00:00:00.000000Z","recorded_at":null,"api_key_id":null,"private_sha256":"' || repeat('ab', 32) || '"}',
    'of one that says nothing: null in each place, and always six digits')
FROM :bare;
SELECT is(audit.private_leaf_line(ROW(l.*)::audit.listed_audit_log, decode(repeat('0f', 32), 'hex')),
    '{"salt":"' || repeat('0f', 32) || '","user_id":"jane \"j\" \\ doe\n\t\u0001' || U&'\00E9\+01F600' || '","error":"line\r' || chr(127)
    || '/</script>","context":"{\"resource\": \"a\\u0000b\",  \"event\":\"x\"}"}',
    'the private line: texts escaped as JSON demands and no further, the context as the text that was sent')
FROM :full;
SELECT is(audit.private_leaf_line(ROW(l.*)::audit.listed_audit_log, decode(repeat('0f', 32), 'hex')),
    '{"salt":"' || repeat('0f', 32) || '","user_id":null,"error":null,"context":null}', 'of a record without private parts') FROM :bare;
SELECT is(json_typeof(audit.record_leaf_line(ROW(l.*)::audit.listed_audit_log, '')::json -> 'http_status'), 'number',
    'the line is JSON') FROM :full;
SELECT is(audit.epoch_leaf_line('tap-a', 2, 1, 1234567890123, decode(repeat('cd', 32), 'hex'), 1234567890124, repeat('ef', 32), 'restore',
        '2026-02-03 04:05:06+00'),
    '{"version":1,"kind":"epoch","tenant_id":"tap-a","epoch":2,"previous_epoch":1,"previous_size":1234567890123,"previous_root":"'
    || repeat('cd', 32) || '","known_size":1234567890124,"known_root":"' || repeat('ef', 32)
    || '","reason":"restore","began_at":"2026-02-03T04:05:06.000000Z"}', 'the line of the statement that begins an epoch');
SELECT is(audit.epoch_leaf_line('tap-a', 3, 2, 0, decode(repeat('cd', 32), 'hex'), NULL, NULL, 'failover', '2026-02-03 04:05:06.5+00'),
    '{"version":1,"kind":"epoch","tenant_id":"tap-a","epoch":3,"previous_epoch":2,"previous_size":0,"previous_root":"'
    || repeat('cd', 32) || '","known_size":null,"known_root":null,"reason":"failover","began_at":"2026-02-03T04:05:06.500000Z"}',
    'where nothing was known of the one before');

-- A digest of everything above, made on PostgreSQL 15 with the settings of an installation. Each setting that changes how something is
-- printed or read, set to what it is not.
CREATE FUNCTION pg_temp.digest() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT encode(sha256(convert_to(string_agg(
        audit.record_leaf_line(ROW(l.*)::audit.listed_audit_log, repeat('ab', 32))
        || audit.private_leaf_line(ROW(l.*)::audit.listed_audit_log, decode(repeat('0f', 32), 'hex'))
        || audit.epoch_leaf_line('tap-a', 2, 1, 3, decode('cd', 'hex'), NULL, NULL, 'restore', l.created_at), '' ORDER BY l.id), 'UTF8')), 'hex')
    FROM log AS l);
END
$$;
SELECT pg_temp.digest() AS digest \gset
DISCARD PLANS;
SET LOCAL timezone = 'Pacific/Kiritimati';
SET LOCAL datestyle = 'German, DMY';
SET LOCAL intervalstyle = 'sql_standard';
SET LOCAL extra_float_digits = -15;
SET LOCAL quote_all_identifiers = on;
SET LOCAL bytea_output = 'escape';
SET LOCAL lc_numeric = 'C.UTF-8';
SET LOCAL lc_time = 'C.UTF-8';
SET LOCAL escape_string_warning = off;
SET LOCAL backslash_quote = on;
SET LOCAL xmloption = document;
SET LOCAL standard_conforming_strings = off;
SELECT is(pg_temp.digest(), :'digest'::text, 'the bytes are the same with every other setting');
SET LOCAL standard_conforming_strings = on;
SET LOCAL bytea_output = 'hex';
SELECT is(:'digest'::text, '8a0a91048e2b3cf01592cd25f7ebc24dd675ae4807f77c60440b8fe1988f1d65', 'and on every server');
-- A body is read with the settings of the session that calls it first. A backslash would mean another thing there.
SELECT is_empty(
    $$SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace AND p.prosrc ~ '\\'
        AND p.proname IN ('record_leaf_line', 'private_leaf_line', 'epoch_leaf_line', 'append_records', 'append_leaves', 'tree_root')$$,
    'no body has a text that standard_conforming_strings would change');

-- Who may ask for them: their tenant, whose functions make them again.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$SELECT audit.record_leaf_line(NULL, NULL)$$, '42501', 'permission denied for function record_leaf_line',
    'a login that must prove its tenant makes no lines by itself');
SELECT throws_ok($$SELECT audit.private_leaf_line(NULL, NULL)$$, '42501', 'permission denied for function private_leaf_line',
    'nor private ones');
SELECT throws_ok($$SELECT audit.epoch_leaf_line(NULL, 1, 1, 1, NULL, 1, NULL, NULL, NULL)$$, '42501',
    'permission denied for function epoch_leaf_line', 'nor statements');

SELECT * FROM finish();
ROLLBACK;
