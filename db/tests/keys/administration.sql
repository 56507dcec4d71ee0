-- Proves: API keys are issued, listed, rotated and revoked by audit_admin, through functions and nothing else; a key leaves the
-- database once and is kept as a hash, and no way of changing one makes it last longer.

BEGIN;
SELECT plan(92);

\ir ../support/registrar.sql
\ir ../support/gateway.sql
-- What comes of showing a key: its tenant, or why not.
CREATE FUNCTION pg_temp.shown(p_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_detail text;
BEGIN
    RETURN audit.enter_tenant(p_key);
EXCEPTION WHEN SQLSTATE 'RF005' THEN
    GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
    RETURN split_part(v_detail, ':', 1);
END
$$;
\ir ../support/key_id.sql

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.create_tenant('tap-a', 'Tenant A'), 'tap-a', 'an administrator registers a tenant');
SELECT is(audit.create_tenant('tap-b'), 'tap-b', 'and another');
SELECT results_eq($$SELECT * FROM audit.list_tenants() WHERE id LIKE 'tap-%'$$,
    $$VALUES ('tap-a', 'Tenant A', now()), ('tap-b', NULL, now())$$, 'and lists them');

-- Issuing.
SELECT audit.issue_api_key('tap-a', 'the first') AS key, audit.issue_api_key('tap-a', 'the second') AS second_key,
       audit.issue_api_key('tap-b', 'of another', ARRAY['read'], now() + interval '1 hour') AS key_of_b \gset
SELECT matches(:'key'::text, '^rf_[0-9a-f]{16}_[0-9a-f]{64}$', 'a key has a prefix, a public part and a secret');
SELECT isnt(pg_temp.id(:'key'), pg_temp.id(:'second_key'), 'another key has another public part');
SELECT isnt(split_part(:'key', '_', 3), split_part(:'second_key', '_', 3), 'and another secret');
RESET SESSION AUTHORIZATION;
SELECT results_eq(
    format('SELECT id, tenant_id, label, scopes, secret_sha256, created_at, expires_at, revoked_at
            FROM audit.api_keys WHERE id = %L', pg_temp.id(:'key')),
    format($$VALUES (%L, 'tap-a', 'the first', '{read,write}'::text[], sha256(%L), now(), NULL::timestamptz, NULL::timestamptz)$$,
           pg_temp.id(:'key'), split_part(:'key', '_', 3)),
    'it is kept with the SHA-256 of its secret; both scopes and no expiry where nothing was said');
SELECT results_eq(format('SELECT last_used_at FROM audit.api_key_uses WHERE api_key_id = %L', pg_temp.id(:'key')),
    'VALUES (NULL::timestamptz)', 'with a row for its use, which it has not had');
SELECT results_eq(format('SELECT scopes, expires_at FROM audit.api_keys WHERE id = %L', pg_temp.id(:'key_of_b')),
    $$VALUES ('{read}'::text[], now() + interval '1 hour')$$, 'scopes and expiry are what was said');
SELECT is_empty(
    format('SELECT FROM audit.%I AS t WHERE t::text LIKE ANY (ARRAY[%L, %L])', relname, '%' || part || '%',
           '%' || encode(convert_to(part, 'UTF8'), 'hex') || '%'),
    format('the secret is not in %s', relname))
FROM pg_class, left(split_part(:'key', '_', 3), 20) AS part
WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r' ORDER BY relname;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.shown(:'key'), 'tap-a', 'the key opens its tenant');
SELECT is(pg_temp.shown(:'key_of_b'), 'tap-b', 'as does the other');
SELECT is(current_setting('app.scopes'), 'read', 'with its scopes');

-- What cannot be issued, each beside what can.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT lives_ok(format('SELECT audit.issue_api_key(%s)', arguments), said || ' is accepted')
FROM (VALUES
    ($$'tap-a', 'x'$$,                                       'a label of one character'),
    ($$'tap-a', repeat('x', 200)$$,                          'a label of 200 characters'),
    ($$'tap-a', 'x', ARRAY['write']$$,                       'one scope'),
    ($$'tap-a', 'x', ARRAY['write', 'read', 'write']$$,      'a scope twice'),
    ($$'tap-a', 'x', p_expires_at => now() + interval '1 microsecond'$$, 'an expiry a moment from now'),
    ($$'tap-a', 'x', p_expires_at => NULL$$,                 'no expiry')) AS allowed (arguments, said);
SELECT throws_ok(format('SELECT audit.issue_api_key(%s)', arguments), sqlstate, message, said || ' is refused')
FROM (VALUES
    ($$'tap-a', ''$$, '23514', 'new row for relation "api_keys" violates check constraint "api_keys_label_size"',
    'an empty label'),
    ($$'tap-a', repeat('x', 201)$$, '23514', 'new row for relation "api_keys" violates check constraint "api_keys_label_size"',
        'a label of 201 characters'),
    ($$'tap-a', NULL$$, '23502', NULL, 'no label'),
    ($$'tap-a', 'x', ARRAY['admin']$$, '23514',
    'new row for relation "api_keys" violates check constraint "api_keys_scopes_known"',
        'an unknown scope'),
    ($$'tap-a', 'x', ARRAY['read', 'READ']$$, '23514', NULL, 'a scope in upper case'),
    ($$'tap-a', 'x', ARRAY['read', NULL]$$, '23514', NULL, 'a scope that is NULL'),
    ($$'tap-a', 'x', ARRAY['read,write']$$, '23514', NULL, 'two scopes in one word'),
    ($$'tap-a', 'x', ARRAY[]::text[]$$, '23502', NULL, 'no scope'),
    ($$'tap-a', 'x', NULL$$, '23502', NULL, 'scopes that are NULL'),
    ($$'tap-a', 'x', p_expires_at => now()$$, 'RF003', 'the key would have expired already', 'an expiry now'),
    ($$'tap-a', 'x', p_expires_at => now() - interval '1 year'$$, 'RF003', NULL, 'an expiry a year ago'),
    ($$'tap-unknown', 'x'$$, 'RF002', 'the tenant is not registered', 'a tenant that nobody registered'),
    ($$'', 'x'$$, '23514', NULL, 'an empty tenant'),
    ($$NULL, 'x'$$, '23502', NULL, 'no tenant')) AS refused (arguments, sqlstate, message, said);

-- Listing: everything but the hash.
SELECT results_eq($$SELECT DISTINCT tenant_id FROM audit.list_api_keys() WHERE tenant_id LIKE 'tap-%' ORDER BY 1$$, ARRAY['tap-a',
    'tap-b'],
    'all keys are listed');
SELECT results_eq($$SELECT DISTINCT tenant_id FROM audit.list_api_keys('tap-b')$$, ARRAY['tap-b'], 'or those of one tenant');
SELECT is((SELECT array_to_string(p.proargnames, ' ') FROM pg_proc AS p WHERE p.oid = 'audit.list_api_keys(text)'::regprocedure),
    'p_tenant_id id tenant_id label scopes status created_at expires_at revoked_at last_used_at restriction', 'without their hashes');
PREPARE status (text) AS SELECT status FROM audit.list_api_keys() WHERE id = pg_temp.id($1);
SELECT results_eq(format('EXECUTE status (%L)', :'key'), ARRAY['valid'], 'a key is listed as valid');

-- Revoking.
SELECT lives_ok(format('SELECT audit.revoke_api_key(pg_temp.id(%L))', :'second_key'), 'a key is revoked');
SELECT results_eq(format('EXECUTE status (%L)', :'second_key'), ARRAY['revoked'], 'and listed as revoked');
SELECT throws_ok(format('SELECT audit.revoke_api_key(pg_temp.id(%L))', :'second_key'), 'RF003',
    'no key of this id is left to revoke',
    'once');
SELECT throws_ok(format('SELECT audit.revoke_api_key(%L)', id), 'RF003', 'no key of this id is left to revoke',
    said || ' cannot be revoked')
FROM (VALUES ('0000000000000000', 'an id that never was'), (:'key', 'a whole key'), ('', 'the empty id'), (NULL,
    'no id')) AS r (id, said);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.shown(:'second_key'), 'revoked', 'the revoked key opens nothing');
SELECT is(pg_temp.shown(:'key'), 'tap-a', 'the other does');

-- Rotating.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.rotate_api_key(pg_temp.id(:'key')) AS next_key, audit.rotate_api_key(pg_temp.id(:'key_of_b'),
    interval '90 days') AS next_key_of_b \gset
SELECT matches(:'next_key'::text, '^rf_[0-9a-f]{16}_[0-9a-f]{64}$', 'a rotated key has a successor of the same form');
SELECT results_eq(format('SELECT tenant_id, label, scopes, expires_at FROM audit.list_api_keys() WHERE id = pg_temp.id(%L)',
    :'next_key'),
    $$VALUES ('tap-a', 'the first', '{read,write}'::text[], NULL::timestamptz)$$, 'of the same tenant, label and scopes');
SELECT results_eq(format('SELECT tenant_id, label, scopes FROM audit.list_api_keys() WHERE id = pg_temp.id(%L)',
    :'next_key_of_b'),
    $$VALUES ('tap-b', 'of another', '{read}'::text[])$$, 'also where that is one scope of two');
SELECT results_eq(format('SELECT expires_at FROM audit.list_api_keys() WHERE id = pg_temp.id(%L)', :'key'),
    ARRAY[now() + interval '24 hours'], 'the old one expires a day from now where nothing was said');
SELECT results_eq(format('SELECT expires_at FROM audit.list_api_keys() WHERE id = pg_temp.id(%L)', :'key_of_b'),
    ARRAY[now() + interval '1 hour'], 'and never later than it did before');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.shown(:'key'), 'tap-a', 'meanwhile the old key opens its tenant');
SELECT is(pg_temp.shown(:'next_key'), 'tap-a', 'and so does the new one');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.rotate_api_key(pg_temp.id(:'next_key'), interval '0') AS last_key \gset
SELECT results_eq(format('EXECUTE status (%L)', :'next_key'), ARRAY['expired'],
    'without an overlap the old key is expired at once');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.shown(:'next_key'), 'expired', 'and opens nothing');
SELECT is(pg_temp.shown(:'last_key'), 'tap-a', 'where the new one does');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok(format('SELECT audit.rotate_api_key(pg_temp.id(%L))', key), 'RF003', 'no key of this id is valid',
    said || ' cannot be rotated')
FROM (VALUES (:'second_key', 'a revoked key'), (:'next_key', 'an expired key'), ('rf_0_0', 'a key that never was'), (NULL,
    'no key')) AS r (key, said);
SELECT throws_ok(format('SELECT audit.rotate_api_key(pg_temp.id(%L))', :'key'), 'RF003',
    'the key was rotated before; its successor is ' || pg_temp.id(:'next_key'), 'a key is rotated once');
SELECT throws_ok(format('SELECT audit.rotate_api_key(pg_temp.id(%L), %L)', :'last_key', overlap), 'RF003',
    'the overlap is at most 90 days', said || ' is refused')
FROM (VALUES ('90 days 1 microsecond', 'an overlap of more than 90 days'), ('-1 microsecond', 'one of less than nothing'), (NULL,
    'none'))
    AS r (overlap, said);
SELECT lives_ok(format('SELECT audit.revoke_api_key(pg_temp.id(%L))', :'next_key'), 'an expired key may still be revoked');

-- Nobody else, and the administrator nothing else.
SELECT throws_ok('SELECT FROM audit.' || name, '42501', 'permission denied for table ' || name,
    'an administrator does not read ' || name)
FROM (VALUES ('audit_logs'), ('admin_events'), ('api_keys'), ('api_key_uses'), ('proof_secrets'), ('tenants')) AS t (name);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('SELECT audit.' || call, '42501', 'permission denied for function ' || split_part(call, '(', 1),
    'the service cannot: ' || call)
FROM (VALUES ('issue_api_key(''tap-a'', ''x'')'), ('list_api_keys()'), ('rotate_api_key(''x'')'), ('revoke_api_key(''x'')'),
    ('list_tenants()'))
    AS f (call);

SELECT * FROM finish();
ROLLBACK;
