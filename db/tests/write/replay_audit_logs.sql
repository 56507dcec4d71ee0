-- Proves: a record that waited on the service's disk is stored if the key it names has proven it, for that key's tenant, with the
-- time it was made; that it is stored once, whatever is repeated; and what is said of each that is not.

BEGIN;
SELECT plan(55);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS reading,
       audit.issue_api_key('tap-b', 'tap', ARRAY['read', 'write']) AS key_of_b,
       audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS revoked, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS expired \gset
UPDATE audit.api_keys SET revoked_at = now() - interval '1 hour' WHERE id = split_part(:'revoked', '_', 2);
UPDATE audit.api_keys SET expires_at = now() - interval '1 hour' WHERE id = split_part(:'expired', '_', 2);
SELECT set_config('tap.key', :'key', false), set_config('tap.reading', :'reading', false), set_config('tap.b', :'key_of_b', false),
       set_config('tap.revoked', :'revoked', false), set_config('tap.expired', :'expired', false),
       set_config('tap.unknown', 'rf_0123456789abcdef_' || repeat('0', 64), false) \gset

-- HMAC-SHA-256 (RFC 2104) of a key of 32 bytes, made here as the service makes it.
\ir ../support/hmac.sql
-- What the service writes down: a text with the key's public id, and its HMAC. p_signed: the key of that, as a worker of this
-- release has it for a key of this release or for one that was there before, and as a worker of the release before had it.
CREATE FUNCTION pg_temp.waiting(
    p_key text, p_change jsonb DEFAULT '{}', p_forged text DEFAULT '', p_signed text DEFAULT 'secret') RETURNS json
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_key  text := current_setting('tap.' || p_key);
    v_line text := (jsonb_build_object(
        'id', '01900000-0000-7000-8000-000000000001', 'tenant_id', CASE p_key WHEN 'b' THEN 'tap-b' ELSE 'tap-a' END,
        'agent_id', 'agent', 'mode', 'LIVE', 'status', 'error', 'trace_id', 'trace', 'http_status', 502, 'latency_ms', 17,
        'user_id', 'user', 'error', 'bad gateway', 'created_at', now() - interval '2 hours',
        'api_key_id', split_part(v_key, '_', 2)) || p_change)::text;
BEGIN
    RETURN json_build_object('line', v_line || p_forged, 'hmac', pg_temp.hmac(CASE p_signed
        WHEN 'secret' THEN sha256(('ringfence spool key of secret:' || split_part(v_key, '_', 3))::bytea)
        WHEN 'hash' THEN sha256('ringfence spool key of hash:'::bytea || sha256(split_part(v_key, '_', 3)::bytea))
        WHEN 'before' THEN sha256(split_part(v_key, '_', 3)::bytea)
        WHEN 'columns' THEN (SELECT substring(k.spool_inner_key FOR 32) FROM audit.api_keys AS k
                             WHERE k.id = split_part(v_key, '_', 2)) END, v_line::bytea));
END
$$;
CREATE FUNCTION pg_temp.replayed(VARIADIC p_records json[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(nullif(concat_ws('|', o ->> 'sqlstate', o ->> 'message', nullif(o ->> 'column', ''),
                                         nullif(o ->> 'constraint', '')), ''), 'stored'), E'\n' ORDER BY n)
    FROM json_array_elements(audit.replay_audit_logs(array_to_json(p_records))) WITH ORDINALITY AS e (o, n)
$$;
CREATE FUNCTION pg_temp.records() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 
    $$SELECT count(*) FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%'$$;
CREATE FUNCTION pg_temp.id(p_number int) RETURNS jsonb LANGUAGE sql AS
    $$SELECT jsonb_build_object('id', '01900000-0000-7000-8000-' || lpad(p_number::text, 12, '0'))$$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.replayed(pg_temp.waiting('key')), 'stored', 'what the key has proven is stored');
SELECT is(current_setting('app.' || name, true), '', 'nothing stays set: ' || name)
FROM (VALUES ('tenant_id'), ('scopes'), ('proof'), ('scope')) AS s (name);
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at
      FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%'$$,
    $$VALUES ('01900000-0000-7000-8000-000000000001'::uuid, 'trace', 'tap-a', 'agent', 'LIVE', 'error', 502, 17, 'user', 'bad gateway',
              now() - interval '2 hours')$$, 'every field is in its column, and the time is kept');
SELECT results_eq(
    $$SELECT tenant_id, api_key_id, actor FROM audit.admin_events WHERE act = 'records replayed' AND tenant_id LIKE 'tap-%'$$,
    $$VALUES ('tap-a', split_part(current_setting('tap.key'), '_', 2), 'audit_app')$$, 'that is on record, with the key');
SET LOCAL SESSION AUTHORIZATION audit_app;

-- Again, and what is stored already.
SELECT is(pg_temp.replayed(pg_temp.waiting('key')), 'stored', 'the very same record is stored already');
SELECT is(pg_temp.replayed(pg_temp.waiting('key', jsonb_build_object('created_at', now()))),
    'stored', 'at whichever time: it may have been stored when it came');
SELECT is(pg_temp.records(), 1::bigint, 'once');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM audit.admin_events WHERE act = 'records replayed' AND tenant_id LIKE 'tap-%'), 1::bigint, 'and what changed nothing is not on record');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.replayed(pg_temp.waiting('key', change)), 'RF004|the id belongs to another record|id', 'under the same id, refused: ' || change::text)
FROM (VALUES ('{"agent_id": "x"}'::jsonb), ('{"trace_id": "x"}'), ('{"mode": "DRY_RUN"}'), ('{"status": "success"}'), ('{"http_status": 500}'),
    ('{"latency_ms": 18}'), ('{"user_id": "x"}'), ('{"error": "x"}')) AS c (change);
SELECT is(pg_temp.replayed(pg_temp.waiting('b')), 'RF004|the id belongs to another record|id', 'nor is another tenant''s record of this id');
SELECT is(pg_temp.replayed(pg_temp.waiting('key', pg_temp.id(2)), pg_temp.waiting('key', pg_temp.id(2))), E'stored\nstored',
    'the same record twice in one call');
SELECT is(pg_temp.records(), 2::bigint, 'is stored once');

-- The proof.
SELECT is(pg_temp.replayed(pg_temp.waiting(key, pg_temp.id(9) || change, forged)), refusal, name) FROM (VALUES
    ('a text that was added to',        'key',     '{}'::jsonb, ' ', 'RF005|the record was not sent with this API key'),
    ('a key that does not exist',       'unknown', '{}', '', 'RF005|the record was not sent with this API key'),
    ('no key named',                    'key',     '{"api_key_id": null}', '', 'RF005|the record was not sent with this API key'),
    ('a key for reading',               'reading', '{}', '', 'RF006|the API key has not the scope write'),
    ('another tenant than the key''s',  'key',     '{"tenant_id": "tap-b"}', '', 'RF007|the API key belongs to another tenant'),
    ('no tenant',                       'key',     '{"tenant_id": null}', '', 'RF007|the API key belongs to another tenant'),
    ('no time',                         'key',     '{"created_at": null}', '', 'RF003|a record is replayed within seven days|created_at'),
    ('a time eight days ago',           'key',     jsonb_build_object('created_at', now() - interval '8 days'), '',
        'RF003|a record is replayed within seven days|created_at'),
    ('a time six days ago',             'key',     jsonb_build_object('created_at', now() - interval '6 days'), '', 'stored'))
    AS c (name, key, change, forged, refusal);
SELECT is(pg_temp.replayed((pg_temp.waiting('key', pg_temp.id(8))::jsonb || change)::json), 'RF005|the record was not sent with this API key', name)
FROM (VALUES ('no HMAC', '{"hmac": null}'::jsonb), ('another HMAC', jsonb_build_object('hmac', repeat('0', 64)))) AS c (name, change);
SELECT is(pg_temp.replayed((pg_temp.waiting('unknown', pg_temp.id(8))::jsonb || '{"hmac": null}')::json),
    'RF005|the record was not sent with this API key', 'no HMAC of no key');
-- What it is signed with.
SELECT is(pg_temp.replayed(pg_temp.waiting('key', pg_temp.id(number), '', signed)), outcome, name) FROM (VALUES
    ('secret', 15, 'stored', 'a signature of this release'),
    ('before', 16, 'stored', 'one of a worker of the release before'),
    ('hash', 17, 'RF005|the record was not sent with this API key', 'one for a key that was there before the columns'),
    ('columns', 18, 'RF005|the record was not sent with this API key', 'one under what is stored, as it is stored'))
    AS c (signed, number, outcome, name);
SELECT is(pg_temp.replayed(pg_temp.waiting('key', pg_temp.id(19), ' ', signed)), 'RF005|the record was not sent with this API key',
    'of a text that was added to, ' || signed) FROM (VALUES ('secret'), ('before'), ('hash')) AS c (signed);
SELECT is(pg_temp.replayed(pg_temp.waiting('b', pg_temp.id(19) || jsonb_build_object(
        'tenant_id', 'tap-a', 'api_key_id', split_part(current_setting('tap.key'), '_', 2)), '', signed)),
    'RF005|the record was not sent with this API key', 'with another key, ' || signed)
FROM (VALUES ('secret'), ('before'), ('hash')) AS c (signed);
-- As the key was when the record was made.
SELECT is(pg_temp.replayed(pg_temp.waiting(key, pg_temp.id(number) || jsonb_build_object('created_at', now() - age))), refusal, name) FROM (VALUES
    ('before the key was revoked',  'revoked', interval '61 minutes', 11, 'stored'),
    ('after it was revoked',        'revoked', interval '59 minutes', 12, 'RF005|the API key was not valid any more'),
    ('before the key expired',      'expired', interval '61 minutes', 13, 'stored'),
    ('after it expired',            'expired', interval '59 minutes', 14, 'RF005|the API key was not valid any more'))
    AS c (name, key, age, number, refusal);

-- Several at once: each has its own outcome, and one that is refused harms no other.
SELECT is(pg_temp.replayed(pg_temp.waiting('b', pg_temp.id(21)), pg_temp.waiting('key', pg_temp.id(22) || '{"mode": "TEST"}'),
                           pg_temp.waiting('key', pg_temp.id(23)), pg_temp.waiting('key', pg_temp.id(21)),
                           pg_temp.waiting('unknown', pg_temp.id(24)), pg_temp.waiting('b', pg_temp.id(25))),
    E'stored\n23514|new row for relation "audit_logs" violates check constraint "audit_logs_mode_known"|audit_logs_mode_known\n'
    'stored\nRF004|the id belongs to another record|id\nRF005|the record was not sent with this API key\nstored',
    'each has its own outcome, in their order');
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT right(id::text, 2), tenant_id FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' AND right(id::text, 2) > '20' ORDER BY id$$,
    $$VALUES ('21', 'tap-b'), ('23', 'tap-a'), ('25', 'tap-b')$$, 'and each is under its own tenant');
SELECT is((SELECT array_agg(DISTINCT created_at) FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' AND right(id::text, 2) > '20'), ARRAY[now() - interval '2 hours'],
    'with its time');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.replayed(pg_temp.waiting('key', pg_temp.id(31) || jsonb_build_object('created_at', now() + interval '1 day'))), 'stored',
    'a time that is still to come');
RESET SESSION AUTHORIZATION;
SELECT ok((SELECT created_at BETWEEN now() AND clock_timestamp() FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%' AND right(id::text, 2) = '31'),
    'becomes the time when it was stored');
UPDATE audit.api_keys SET expires_at = now() + interval '1 hour' WHERE id = split_part(:'key', '_', 2);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.replayed(pg_temp.waiting('key', pg_temp.id(32) || jsonb_build_object('created_at', now() + interval '1 day'))), 'stored',
    'and it is that time at which the key must be valid');
RESET SESSION AUTHORIZATION;

-- Who names his tenants.
\ir ../support/gateway.sql
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.replayed(json_build_object('line', pg_temp.waiting('unknown', pg_temp.id(41)) ->> 'line'),
                           json_build_object('line', pg_temp.waiting('key', pg_temp.id(42) || '{"tenant_id": "tap-c"}') ->> 'line')),
    E'stored\nRF002|the tenant is not registered', 'a login that names its tenants needs no key');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
