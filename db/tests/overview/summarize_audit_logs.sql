-- Proves: audit.summarize_audit_logs() tells a tenant its newest hours, capped, its last checkpoint, which records wait for a leaf, its terms,
-- holds and keys, and nothing of another tenant, by name and by key; and what it refuses.

BEGIN;
SELECT plan(49);

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/sealed.sql
\ir ../support/refusal.sql
SET LOCAL timezone = 'Asia/Kathmandu';
SELECT date_trunc('hour', now(), 'UTC') AS hour \gset
CREATE FUNCTION pg_temp.utc(p_time timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION pg_temp.overview(p_hours int DEFAULT 24) RETURNS json LANGUAGE sql AS $$ SELECT audit.summarize_audit_logs(p_hours)::json $$;

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-new') \gset
SELECT audit.issue_api_key('tap-a', 'first', ARRAY['read', 'write']) AS key_of_a, audit.issue_api_key('tap-b', 'other', ARRAY['read']) AS key_of_b,
       audit.issue_api_key('tap-a', 'writer', ARRAY['write'], '2100-01-01 00:00:00+00') AS writer_of_a, audit.issue_api_key('tap-new', 'new') AS key_of_new \gset
UPDATE audit.api_keys SET created_at = '2026-01-01 00:00:00+00' WHERE tenant_id = 'tap-a' AND label = 'first';
UPDATE audit.api_key_uses SET last_used_at = '2026-01-02 03:00:00+00' WHERE api_key_id = split_part(:'key_of_a', '_', 2);
SELECT audit.issue_api_key('tap-a', 'gone') AS gone_key \gset
UPDATE audit.api_keys SET created_at = '2025-01-01 00:00:00+00', revoked_at = '2025-02-01 00:00:00+00' WHERE id = split_part(:'gone_key', '_', 2);

-- Of nothing.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-new') \gset
SELECT results_eq('SELECT json_object_keys(pg_temp.overview())', ARRAY['hours', 'checkpoint', 'sealing', 'retention', 'holds', 'api_keys'], 'it has these members');
SELECT is(json_array_length(pg_temp.overview() -> 'hours'), 24, 'of 24 hours');
SELECT is(pg_temp.overview(1) -> 'hours' ->> 0, format('{"hour" : "%s", "records" : 0, "error" : 0, "denied" : 0}',
    to_char(:'hour'::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 'the hour that is under way, in UTC');
SELECT is(pg_temp.overview() ->> name, value, 'a new tenant: ' || name) FROM (VALUES
    ('checkpoint', NULL), ('sealing', '{"epoch" : null, "size" : null, "waiting" : 0, "since" : null}'), ('retention', NULL), ('holds', '[]')) AS m (name, value);
RESET SESSION AUTHORIZATION;

-- Hours.
CREATE TEMPORARY TABLE sample (tenant_id text, hours_ago int, at interval, status text, records int);
INSERT INTO sample VALUES
    ('tap-a', 0,  '0 minutes',                     'success', 1), ('tap-a', 0,  '59 minutes 59.999999 seconds', 'denied', 2),
    ('tap-a', 1,  '59 minutes 59.999999 seconds',  'error',   1), ('tap-a', 2,  '30 minutes',                   'success', 1001),
    ('tap-a', 2,  '31 minutes',                    'error',   999), ('tap-a', 3, '0 minutes',                   'denied',  1001),
    ('tap-a', 3,  '10 minutes',                    'error',   1002), ('tap-a', 23, '0 minutes',                 'started', 3),
    ('tap-a', 24, '59 minutes 59.999999 seconds',  'error',   5), ('tap-b', 0,  '5 minutes',                    'error',   7);
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, created_at)
SELECT gen_random_uuid(), s.tenant_id, 'agent', 'LIVE', s.status, :'hour'::timestamptz - s.hours_ago * interval '1 hour' + s.at
FROM sample AS s CROSS JOIN generate_series(1, s.records);
-- One line an hour that has records: how long ago it was, and its three counts.
CREATE FUNCTION pg_temp.hours(p_hours int DEFAULT 24) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s: %s %s %s', p_hours - place, h ->> 'records', h ->> 'error', h ->> 'denied'), ', ' ORDER BY place DESC)
    FROM json_array_elements(pg_temp.overview(p_hours) -> 'hours') WITH ORDINALITY AS a (h, place) WHERE h ->> 'records' <> '0'
$$;
CREATE FUNCTION pg_temp.keys() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', k ->> 'label', k ->> 'scopes', k ->> 'last_used_at', k ->> 'expires_at', k ->> 'revoked_at'), ', ' ORDER BY place)
    FROM json_array_elements(pg_temp.overview(1) -> 'api_keys') WITH ORDINALITY AS a (k, place)
$$;
CREATE FUNCTION pg_temp.held() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(h ->> 'reference', ', ' ORDER BY place) FROM json_array_elements(pg_temp.overview(1) -> 'holds') WITH ORDINALITY AS a (h, place) $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.hours(), '0: 3 0 2, 1: 1 1 0, 2: 1000 999 0, 3: 1000 1000 1000, 23: 3 0 0', 'its hours, each count at most 1,000');
SELECT is(pg_temp.hours(2), '0: 3 0 2, 1: 1 1 0', 'of two hours');
SELECT is(pg_temp.hours(168), '0: 3 0 2, 1: 1 1 0, 2: 1000 999 0, 3: 1000 1000 1000, 23: 3 0 0, 24: 5 5 0', 'of a week');
SELECT is(json_array_length(pg_temp.overview(168) -> 'hours'), 168, 'which has 168');
SELECT results_eq(
    $$SELECT place, h ->> 'hour' FROM json_array_elements(pg_temp.overview(3) -> 'hours') WITH ORDINALITY AS a (h, place)$$,
    format($$SELECT n, to_char((%L::timestamptz - (3 - n) * interval '1 hour') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM generate_series(1::bigint, 3) AS n$$, :'hour'),
    'the oldest hour first');
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.hours(), '0: 7 7 0', 'another tenant has its own');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.hours(), '0: 3 0 2, 1: 1 1 0, 2: 1000 999 0, 3: 1000 1000 1000, 23: 3 0 0', 'with a key, its hours');
SELECT audit.enter_tenant(:'key_of_b') \gset
SELECT is(pg_temp.hours(), '0: 7 7 0', 'with a key of another tenant, its own');

-- Keys: those of the tenant, newest first.
SELECT is(pg_temp.keys(), 'other ["read"]', 'with a key, the keys of its tenant alone');
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.keys(), 'writer ["write"] 2100-01-01T00:00:00.000000Z, first ["read","write"] 2026-01-02T03:00:00.000000Z, gone ["read","write"] 2025-02-01T00:00:00.000000Z',
    'newest first: scopes, last use, expiry and revocation');
SELECT is(pg_temp.overview(1) #>> '{api_keys,1,id}', split_part(:'key_of_a', '_', 2), 'with its public id');
SELECT results_eq($$SELECT json_object_keys(pg_temp.overview(1) #> '{api_keys,0}')$$, ARRAY['id', 'label', 'scopes', 'last_used_at', 'expires_at', 'revoked_at'],
    'and nothing else of a key');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT set_config('app.scopes', '', true), audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.keys(), 'other ["read"]', 'named, the keys of that tenant alone');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM generate_series(1, 100) AS n CROSS JOIN LATERAL audit.issue_api_key('tap-new', 'key ' || n) \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-new') \gset
SELECT is(json_array_length(pg_temp.overview(1) -> 'api_keys'), 100, 'of 101 keys a hundred are told');
RESET SESSION AUTHORIZATION;

-- Terms and holds.
SELECT audit.set_retention('tap-a', 200, NULL), audit.set_retention('tap-b', NULL, 3) \gset
UPDATE audit.retention SET set_at = '2026-01-01 00:00:00+00', pruned_at = CASE tenant_id WHEN 'tap-a' THEN timestamptz '2026-01-02 00:00:00+00' END
WHERE tenant_id IN ('tap-a', 'tap-b');
SELECT audit.place_hold('tap-a', 'reason', 'first', p_user_id => 'jane', p_start_time => '2026-01-01 00:00:00+00') AS first_hold,
       audit.place_hold('tap-a', 'reason', 'second', p_agent_id => 'agent', p_trace_id => 't', p_end_time => '2026-02-01 00:00:00+00') AS second_hold,
       audit.place_hold('tap-a', 'reason', 'released') AS released_hold, audit.place_hold('tap-b', 'reason', 'of b') AS hold_of_b \gset
UPDATE audit.legal_holds SET placed_at = '2026-01-03 00:00:00+00' WHERE id = :'first_hold';
UPDATE audit.legal_holds SET placed_at = '2026-01-04 00:00:00+00', release_asked_by = 'a', release_asked_at = now() WHERE id = :'second_hold';
UPDATE audit.legal_holds SET released_by = 'b', released_at = now() WHERE id = :'released_hold';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.overview(1) ->> 'retention',
    '{"live_days" : 200, "dry_run_days" : null, "set_at" : "2026-01-01T00:00:00.000000Z", "pruned_at" : "2026-01-02T00:00:00.000000Z"}', 'its terms');
SELECT is(pg_temp.held(), 'second, first', 'the holds in force, newest first');
SELECT is(pg_temp.overview(1) #>> '{holds,0}', format(
    '{"id":"%s","status":"release asked","reference":"second","is_of_a_person":false,"agent_id":"agent","trace_id":"t","start_time":null,'
    '"end_time":"2026-02-01T00:00:00.000000Z","placed_at":"2026-01-04T00:00:00.000000Z"}', :'second_hold'), 'what a hold is of');
SELECT is(pg_temp.overview(1) #>> '{holds,1}', format(
    '{"id":"%s","status":"held","reference":"first","is_of_a_person":true,"agent_id":null,"trace_id":null,"start_time":"2026-01-01T00:00:00.000000Z",'
    '"end_time":null,"placed_at":"2026-01-03T00:00:00.000000Z"}', :'first_hold'), 'that it is of a person, and not of whom');
SELECT is(position('jane' IN audit.summarize_audit_logs()), 0, 'nobody is named');
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.overview(1) ->> 'retention', '{"live_days" : null, "dry_run_days" : 3, "set_at" : "2026-01-01T00:00:00.000000Z", "pruned_at" : null}', 'terms of another tenant');
SELECT is(pg_temp.held(), 'of b', 'and its hold');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.held() || (pg_temp.overview(1) #>> '{retention,live_days}'), 'second, first200', 'with a key, its holds and terms');
SELECT audit.enter_tenant(:'key_of_b') \gset
SELECT is(pg_temp.held() || (pg_temp.overview(1) #>> '{retention,dry_run_days}'), 'of b3', 'with a key of another tenant, its own');
RESET SESSION AUTHORIZATION;
SELECT count(audit.place_hold('tap-b', 'reason', 'hold ' || n)) FROM generate_series(1, 100) AS n \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_b') \gset
SELECT is(json_array_length(pg_temp.overview(1) -> 'holds'), 100, 'of 101 holds a hundred are told');
RESET SESSION AUTHORIZATION;

-- Evidence: the last checkpoint, and the newest hundred records.
DELETE FROM sample;
SELECT audit.create_tenant('tap-sealed') \gset
SELECT audit.issue_api_key('tap-sealed', 'tap') AS key_of_sealed \gset
SELECT count(*) FROM generate_series(1, 3) AS n CROSS JOIN LATERAL pg_temp.record('tap-sealed', md5('sealed ' || n)::uuid, timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-sealed', 1, 2) \gset
SELECT pg_temp.sign('tap-sealed', 1, 3) \gset
UPDATE audit.checkpoints SET created_at = '2026-01-05 00:00:00.000006+00' WHERE tenant_id = 'tap-sealed' AND size = 3;
UPDATE audit.checkpoints SET note = note || E'— witness.example/w2 AAAA\n— witness.example/w1 AAAA\n— witness.example/w1 BBBB\n' WHERE tenant_id = 'tap-sealed' AND size = 3;
SELECT count(*) FROM generate_series(1, 2) AS n CROSS JOIN LATERAL pg_temp.record('tap-sealed', md5('late ' || n)::uuid, timestamptz '2026-02-01 00:00:00+00' + n * interval '1 second') \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT set_config('app.scopes', '', true), audit.set_tenant('tap-sealed') \gset
SELECT is(pg_temp.overview(1) ->> 'checkpoint',
    '{"epoch" : 1, "size" : 3, "signed_at" : "2026-01-05T00:00:00.000006Z", "witnesses" : ["witness.example/w1", "witness.example/w2"]}', 'the newest checkpoint, and who else signed it');
SELECT is(pg_temp.overview(1) ->> 'sealing', '{"epoch" : 1, "size" : 3, "waiting" : 2, "since" : "2026-01-02T03:04:05.000006Z"}', 'two records have no leaf yet');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_sealed') \gset
SELECT is(pg_temp.overview(1) #>> '{checkpoint,size}', '3', 'with a key, its checkpoint');
SELECT is(pg_temp.overview(1) #>> '{sealing,waiting}', '2', 'and what waits');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.seal() \gset
SELECT count(*) FROM generate_series(1, 101) AS n CROSS JOIN LATERAL pg_temp.record('tap-sealed', md5('many ' || n)::uuid, timestamptz '2026-03-01 00:00:00+00' + n * interval '1 second') \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT set_config('app.scopes', '', true), audit.set_tenant('tap-sealed') \gset
SELECT is(pg_temp.overview(1) ->> 'sealing', '{"epoch" : 1, "size" : 5, "waiting" : 100, "since" : "2026-01-02T03:04:05.000006Z"}', 'of 101 that wait a hundred are counted');

-- Refused, beside what is allowed.
SELECT is(pg_temp.refusal(format('SELECT audit.summarize_audit_logs(%s)', hours)), 'RF003|hours is a number from 1 to 168|hours', 'refused: of hours ' || hours)
FROM (VALUES ('0'), ('169'), ('NULL'), ('-1')) AS h (hours);
SET LOCAL app.tenant_id = 'tap-unknown';
SELECT throws_ok('SELECT audit.summarize_audit_logs()', 'RF002', 'the tenant is not registered', 'refused: a tenant that is not registered');
SET LOCAL app.tenant_id = '';
SELECT throws_ok(call, 'RF001', 'no tenant is set for this transaction', 'refused without a tenant: ' || call)
FROM (VALUES ('SELECT audit.summarize_audit_logs()'), ('SELECT audit.describe_administration()')) AS c (call);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'writer_of_a') \gset
SELECT throws_ok('SELECT audit.summarize_audit_logs()', 'RF006', 'the API key has not the scope read', 'refused: a key that may only write');
SELECT throws_ok('SELECT audit.summarize_proven_audit_logs(24)', 'RF001', 'no tenant is proven for this statement', 'also past what tells');
-- The owner's part of it asks for the proof again, were it granted one day.
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION audit.describe_administration TO audit_keyed;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT lives_ok('SELECT audit.describe_administration()', 'with a key its tenant''s terms, holds and keys');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT throws_ok('SELECT audit.describe_administration()', 'RF001', 'no tenant is proven for this statement', 'and with another tenant named nobody''s');

-- Were it granted one day, the function that shows the owner's tables would ask for the proof by itself.
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION audit.describe_administration TO audit_keyed;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT set_config('app.tenant_id', 'tap-b', true), set_config('app.scopes', 'read', true) \gset
SELECT throws_ok('SELECT audit.describe_administration()', 'RF001', 'no tenant is proven for this statement', 'a name that was set by hand shows nothing');
SELECT audit.enter_tenant(:'key_of_b') \gset
SELECT lives_ok('SELECT audit.describe_administration()', 'a key does');

SELECT * FROM finish();
ROLLBACK;
