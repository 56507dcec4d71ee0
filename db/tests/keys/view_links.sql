-- Proves: a view link gives a key to the first who brings its token, and to nobody after; that key reads what the link says, for as long as the link
-- says; what is done with a link is on record, and nobody can flood the record; and a token is found, compared and kept as a key is.

BEGIN;
SELECT plan(96);

\ir ../support/registrar.sql
\ir ../support/gateway.sql
\ir ../support/key_id.sql
\ir ../support/new_events.sql
\ir ../support/refusal.sql
CREATE FUNCTION pg_temp.news() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT coalesce(string_agg(concat_ws(' ', e.act, e.tenant_id, e.api_key_id, 'by', e.actor, e.detail), ', '), 'nothing') FROM pg_temp.new_events() AS e
$$;
CREATE FUNCTION pg_temp.utc(p_time timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_registrar, audit_app, tap_gateway', pg_my_temp_schema()::regnamespace); END $$;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
\ir ../support/part.sql
SELECT pg_temp.news() \g /dev/null

-- Issuing.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.issue_view_link('tap-a', 'Auditor', now() + interval '7 days', 28800,
    '{"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T01:00:00+01:00"}') AS token \gset
SELECT matches(:'token'::text, '^rfl_[0-9a-f]{16}_[0-9a-f]{64}$', 'a token: rfl, a public id, a secret');
SELECT is(pg_temp.news(), format('view link issued tap-a by tap_registrar {"link": "%s", "label": "Auditor", "expires_at": "%s", "restriction": {"user_id": true, '
    '"agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}}', pg_temp.id(:'token'), pg_temp.utc(now() + interval '7 days')),
    'the event says what it shows and until when it waits, and not whom it names');
SELECT audit.issue_view_link('tap-b', 'Regulator', now() + interval '1 day', 60) AS whole \gset
SELECT is(pg_temp.news(), format('view link issued tap-b by tap_registrar {"link": "%s", "label": "Regulator", "expires_at": "%s"}',
    pg_temp.id(:'whole'), pg_temp.utc(now() + interval '1 day')), 'one without a restriction shows the whole tenant');
SELECT throws_ok(format('SELECT audit.issue_view_link(%s)', arguments), sqlstate, message, 'refused: ' || said)
FROM (VALUES
    ($$'tap-unknown', 'x', now() + interval '1 day', 60$$, 'RF002', 'the tenant is not registered', 'another tenant'),
    ($$'tap-a', 'x', now(), 60$$, 'RF003', 'the link would have expired already', 'an end that has come'),
    ($$'tap-a', 'x', '-infinity', 60$$, 'RF003', 'the link would have expired already', 'an end that was never'),
    ($$'tap-a', 'x', NULL, 60$$, '23502', NULL, 'no end'), ($$'tap-a', NULL, now() + interval '1 day', 60$$, '23502', NULL, 'no label'),
    ($$NULL, 'x', now() + interval '1 day', 60$$, '23502', NULL, 'no tenant'), ($$'tap-a', 'x', now() + interval '1 day', NULL$$, '23502', NULL, 'no life of the key'),
    ($$'tap-a', '', now() + interval '1 day', 60$$, '23514', NULL, 'an empty label'), ($$'tap-a', repeat('x', 201), now() + interval '1 day', 60$$, '23514', NULL, 'a long label'),
    ($$'tap-a', 'x', now() + interval '1 day', 0$$, '23514', NULL, 'a key that is dead at once'), ($$'tap-a', 'x', now() + interval '1 day', 43201$$, '23514', NULL, 'one for more than 12 hours'),
    ($$'tap-a', 'x', now() + interval '1 day', 60, '{}'$$, '23514', NULL, 'an empty restriction'), ($$'tap-a', 'x', now() + interval '1 day', 60, '{"tenant_id": "tap-b"}'$$, '23514', NULL, 'another name'),
    ($$'tap-a', 'x', now() + interval '1 day', 60, '{"start_time": "2026-01-01T00:00:00"}'$$, 'RF003', NULL, 'a time without a zone'),
    ($$'tap-a', 'x', now() + interval '1 day', 60, '{"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}'$$, '23514', NULL, 'a window that ends before it begins'),
    ($$'tap-a', 'x', now() + interval '1 day', 60, '[]'$$, 'RF003', 'a restriction is an object of names and texts', 'a list')) AS refused (arguments, sqlstate, message, said);
SELECT lives_ok($$SELECT audit.issue_view_link('tap-a', 'x', now() + interval '1 day', 43200)$$, 'a key for 12 hours may be');
SELECT pg_temp.news() \g /dev/null

-- Who may what.
SELECT throws_ok(format('SELECT audit.open_view_link(%L)', :'token'), '42501', 'permission denied for function open_view_link', 'an administrator opens none');
SELECT throws_ok('SELECT FROM audit.view_links', '42501', 'permission denied for table view_links', 'and reads no hash');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(format('SELECT audit.open_view_link(%L)', :'token'), '42501', NULL, 'nor does a login that names its tenants') AS line \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT :'line';
SELECT throws_ok('SELECT FROM audit.view_links', '42501', 'permission denied for table view_links', 'the service reads no link');
SELECT throws_ok(statement, '42501', NULL, 'nor may it: ' || statement)
FROM (VALUES ($$SELECT audit.issue_view_link('tap-a', 'x', now() + interval '1 day', 60)$$), ('SELECT audit.list_view_links()'), ($$SELECT audit.revoke_view_link('x')$$),
             ($$SELECT audit.store_api_key('0123456789abcdef', 'tap-a', 'x', ARRAY['read'], NULL, NULL)$$), ($$SELECT audit.end_keys_of_user('tap-a', 'u1')$$),
             ($$SELECT audit.record_view_link_event('view link opened', 'x')$$)) AS s (statement);

-- A token that is none, or not quite the one. Each check of its form has a token that it alone refuses.
SELECT is(pg_temp.refusal(format('SELECT audit.open_view_link(%L)', token)), 'RF005|the link is not valid|malformed', 'malformed: ' || said)
FROM (VALUES
    (NULL, 'nothing'), ('', 'an empty text'), ('rfl_', 'a beginning'), (left(:'token', 84), 'all but the last digit'), (:'token' || '0', 'a digit more'),
    (upper(:'token'), 'capitals'), (' ' || left(:'token', 84), 'a blank before it'), (overlay(:'token' PLACING 'rf__' FROM 1 FOR 4), 'another kind'),
    ('frl_' || substr(:'token', 5), 'another kind, of the same letters'),
    (overlay(:'token' PLACING 'g' FROM 85 FOR 1), 'a digit that is none'), (overlay(:'token' PLACING '0_' FROM 21 FOR 2), 'its second separator one later'),
    (overlay(:'token' PLACING '_' FROM 50 FOR 1), 'a third separator'), (repeat('a', 1000000), 'a million letters')) AS t (token, said);
SELECT format('rfl_%s_%s', pg_temp.id(:'token'), (
    SELECT lpad(to_hex(n), 64, '0') FROM generate_series(0, 100000) AS n
    WHERE get_byte(sha256(convert_to(lpad(to_hex(n), 64, '0'), 'UTF8')), 0) = get_byte(sha256(convert_to(split_part(:'token', '_', 3), 'UTF8')), 0)
    LIMIT 1)) AS alike \gset
SELECT is(pg_temp.refusal(format('SELECT audit.open_view_link(%L)', token)), 'RF005|the link is not valid|unknown', 'unknown: ' || said)
FROM (VALUES
    (overlay(:'token' PLACING CASE right(:'token', 1) WHEN '0' THEN '1' ELSE '0' END FROM 85 FOR 1), 'another last digit'),
    (overlay(:'token' PLACING CASE substr(:'token', 22, 1) WHEN '0' THEN '1' ELSE '0' END FROM 22 FOR 1), 'another first digit of the secret'),
    (:'alike', 'a secret whose hash begins as that of the right one'),
    (overlay(:'token' PLACING substr(:'whole', 5, 16) FROM 5 FOR 16), 'the id of another link'), (overlay(:'token' PLACING repeat('0', 64) FROM 22), 'no secret')) AS t (token, said);
SELECT is(pg_temp.news(), 'nothing', 'none of this is recorded');

-- Opening.
RESET SESSION AUTHORIZATION;
SELECT results_eq(format('SELECT token_sha256, created_at, key_seconds, refused FROM audit.view_links WHERE id = %L', pg_temp.id(:'token')),
    format('VALUES (sha256(%L), now(), 28800, 0)', split_part(:'token', '_', 3)), 'a link is kept with the SHA-256 of its secret');
SELECT is_empty(
    format('SELECT FROM audit.%I AS t WHERE t::text LIKE ANY (ARRAY[%L, %L])', relname, '%' || part || '%', '%' || encode(convert_to(part, 'UTF8'), 'hex') || '%'),
    format('the secret is not in %s', relname))
FROM pg_class, left(split_part(:'token', '_', 3), 20) AS part
WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r' AND relname IN ('view_links', 'api_keys', 'admin_events');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.open_view_link(:'token') AS key \gset
SELECT matches(:'key'::text, '^rf_[0-9a-f]{16}_[0-9a-f]{64}$', 'the first who brings the token gets a key');
SELECT is(pg_temp.news() LIKE format('view link opened tap-a %s by audit_app {"link": "%s", "label": "Auditor", "expires_at": "%%", "key_expires_at": "%%"}',
    pg_temp.id(:'key'), pg_temp.id(:'token')), true, 'the event names the link and the key');
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'token'), 'who brings it again gets none');
SELECT is(pg_temp.news() LIKE format('view link refused tap-a %s by audit_app {"link": "%s", "label": "Auditor", "reason": "it was opened before", %%}',
    pg_temp.id(:'key'), pg_temp.id(:'token')), true, 'which is recorded, with the key that it opened');
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'token'), 'and again') FROM generate_series(1, 3);
SELECT is(pg_temp.news(), 'nothing', 'once');
RESET SESSION AUTHORIZATION;
SELECT results_eq(format('SELECT k.label, k.scopes, k.restriction::jsonb, k.expires_at - l.opened_at BETWEEN interval %L AND interval %L, l.refused, l.api_key_id
                          FROM audit.view_links AS l JOIN audit.api_keys AS k ON k.id = l.api_key_id WHERE l.id = %L',
                         '7:59:59', '8:00:00', pg_temp.id(:'token')),
    format($$VALUES ('Auditor', ARRAY['read'], '{"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}'::jsonb, true, 4, %L)$$, pg_temp.id(:'key')),
    'the key has the label, the restriction and the life that the link says, and reads; refusals are counted');
SELECT results_eq(format('SELECT last_used_at FROM audit.api_key_uses WHERE api_key_id = %L', pg_temp.id(:'key')), 'VALUES (NULL::timestamptz)', 'with a row for its use');

-- The key.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.describe_api_key(:'key')::jsonb - 'expires_at', '{"tenant_id": "tap-a", "scopes": ["read"], "spool_key_source": "secret", "restriction":
    {"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}}', 'the service is told what it shows');
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'it opens its tenant');
SELECT is((SELECT string_agg(right(item ->> 'id', 1), '') FROM json_array_elements(audit.list_audit_logs()::json -> 'items') AS item), '71', 'and lists what lies in it');
SELECT audit.open_view_link(:'whole') AS whole_key \gset
SELECT is(audit.describe_api_key(:'whole_key') ->> 'restriction', NULL, 'one without a restriction is told of as such');
SELECT is(audit.enter_tenant(:'whole_key'), 'tap-b', 'and opens its tenant');
SELECT is(audit.list_audit_logs()::json ->> 'count', '8', 'as a whole');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.news() \g /dev/null
SELECT results_eq(format('SELECT k.expires_at - l.opened_at BETWEEN interval %L AND interval %L FROM audit.view_links AS l JOIN audit.api_keys AS k ON k.id = l.api_key_id WHERE l.id = %L',
    '59 seconds', '1 minute', pg_temp.id(:'whole')), 'VALUES (true)', 'for as long as it says');

-- Expired, by the clock: the transaction may have begun before.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.issue_view_link('tap-a', 'late', clock_timestamp() + interval '1 hour', 60) AS late,
       audit.issue_view_link('tap-a', 'early', clock_timestamp() + interval '1 hour', 60) AS early,
       audit.issue_view_link('tap-a', 'revoked', now() + interval '1 hour', 60, '{"agent_id": "one"}') AS revoked \gset
SELECT pg_temp.news() \g /dev/null
RESET SESSION AUTHORIZATION;
UPDATE audit.view_links SET expires_at = clock_timestamp() WHERE id = pg_temp.id(:'late');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'late'), 'a link that has expired opens nothing');
SELECT alike(pg_temp.news(), 'view link refused tap-a by audit_app {"link": "%", "label": "late", "reason": "it has expired", "expires_at": "%"}', 'which is recorded');
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'late'), 'every time');
SELECT is(pg_temp.news(), 'nothing', 'once');
SELECT isnt_empty(format('SELECT audit.open_view_link(%L)', :'early'), 'one that has not opens a key');
SELECT pg_temp.news() \g /dev/null

-- Revoking.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT lives_ok(format('SELECT audit.revoke_view_link(%L)', pg_temp.id(:'revoked')), 'a link is revoked');
SELECT is(pg_temp.news(), format('view link revoked tap-a by tap_registrar {"link": "%s", "label": "revoked", "expires_at": "%s"}', pg_temp.id(:'revoked'), pg_temp.utc(now() + interval '1 hour')), 'which is recorded');
SELECT throws_ok(format('SELECT audit.revoke_view_link(%L)', id), 'RF003', 'no link of this id is left to revoke; a key that it opened is revoked as a key', said || ' cannot be revoked')
FROM (VALUES (pg_temp.id(:'revoked'), 'a link twice'), (pg_temp.id(:'token'), 'one that was opened'), ('0123456789abcdef', 'one that never was'), (NULL, 'NULL'), ('%', 'a pattern')) AS r (id, said);
SELECT lives_ok(format('SELECT audit.revoke_view_link(%L)', pg_temp.id(:'late')), 'one that has expired can');
SELECT pg_temp.news() \g /dev/null
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'revoked'), 'a link that was revoked opens nothing');
SELECT alike(pg_temp.news(), 'view link refused tap-a by audit_app {"link": "%", "label": "revoked", "reason": "it was revoked", "expires_at": "%"}', 'which is recorded');

-- Listing.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT results_eq($$SELECT tenant_id, label, status, restriction::jsonb, refused, key_seconds, api_key_id IS NULL, opened_at IS NULL, revoked_at IS NULL FROM audit.list_view_links()
                    WHERE tenant_id LIKE 'tap-%' AND label <> 'x' ORDER BY tenant_id, label$$,
    $$VALUES ('tap-a', 'Auditor', 'opened', '{"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}'::jsonb, 4, 28800, false, false, true),
             ('tap-a', 'early', 'opened', NULL, 0, 60, false, false, true), ('tap-a', 'late', 'revoked', NULL, 2, 60, true, true, false),
             ('tap-a', 'revoked', 'revoked', '{"agent_id": "one"}', 1, 60, true, true, false), ('tap-b', 'Regulator', 'opened', NULL, 0, 60, false, false, true)$$,
    'links are listed, with what became of them');
SELECT results_eq($$SELECT label FROM audit.list_view_links('tap-b')$$, ARRAY['Regulator'], 'or those of one tenant');
SELECT is((SELECT array_to_string(p.proargnames, ' ') FROM pg_proc AS p WHERE p.oid = 'audit.list_view_links(text)'::regprocedure),
    'p_tenant_id id tenant_id label restriction status created_at expires_at key_seconds opened_at api_key_id revoked_at refused', 'without their hashes');
SELECT results_eq($$SELECT restriction::jsonb FROM audit.list_api_keys('tap-a') WHERE label = 'Auditor'$$,
    $$VALUES ('{"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}'::jsonb)$$, 'keys are listed with what they show');
SELECT results_eq($$SELECT status FROM audit.list_view_links('tap-a') WHERE label = 'x'$$, ARRAY['valid'], 'a link that waits is valid');
RESET SESSION AUTHORIZATION;
UPDATE audit.view_links SET expires_at = now() WHERE label = 'x' AND tenant_id = 'tap-a';
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT results_eq($$SELECT status FROM audit.list_view_links('tap-a') WHERE label = 'x'$$, ARRAY['expired'], 'and one whose time has come expired');

-- A key that a link has opened is ended and renewed like any other, and stays restricted.
SELECT audit.rotate_api_key(pg_temp.id(:'key'), '0') AS renewed \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.describe_api_key(:'renewed')::jsonb -> 'restriction', '{"user_id": "u1", "agent_id": "one", "start_time": "2026-01-01T00:00:00.000000Z"}',
    'a key that is rotated shows what the one before showed');
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'key'), 'RF005', NULL, 'which has ended');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.revoke_api_key(pg_temp.id(:'renewed')) \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'renewed'), 'RF005', NULL, 'it is revoked as a key is');
RESET SESSION AUTHORIZATION;

-- That a link is used up must be on the disk.
SET LOCAL synchronous_commit = off;
SELECT audit.issue_view_link('tap-a', 'disk', now() + interval '1 hour', 60) AS disk \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT isnt_empty(format('SELECT audit.open_view_link(%L)', :'disk'), 'in a session that waits for no disk a link is opened');
SELECT is(current_setting('synchronous_commit'), 'on', 'and the disk is waited for');

SELECT * FROM finish();
ROLLBACK;
