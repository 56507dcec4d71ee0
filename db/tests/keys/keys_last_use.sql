-- Proves: that a key was used is noted by audit.record_api_key_use() alone, once an hour, for the key that is proven and no other; and
-- never in the key itself, so that an open transaction keeps no administrator from revoking it. Each refusal beside the same call
-- allowed.

BEGIN;
SELECT plan(54);

\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/key_id.sql
\ir ../support/proof.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap') AS other_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS writing_key, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
-- The version of a row changes with each write to it, and xmax with each lock on it.
CREATE FUNCTION pg_temp.uses() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(' ', u.api_key_id, u.ctid, u.xmax, u.last_used_at, u.last_read_at), ', ' ORDER BY u.api_key_id)
    FROM audit.api_key_uses AS u JOIN audit.api_keys AS k ON k.id = u.api_key_id WHERE k.tenant_id LIKE 'tap-%'
$$;
CREATE FUNCTION pg_temp.keys() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(' ', k.id, k.ctid, k.xmax), ', ' ORDER BY k.id) FROM audit.api_keys AS k WHERE k.tenant_id LIKE 'tap-%'
$$;
CREATE FUNCTION pg_temp.use_of(p_key text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT concat_ws(', ', CASE u.last_used_at WHEN date_trunc('hour', now(), 'UTC') THEN 'used this hour' ELSE 'used ' || u.last_used_at END,
                           CASE u.last_read_at WHEN date_trunc('hour', now(), 'UTC') THEN 'read this hour' ELSE 'read ' || u.last_read_at END)
    FROM audit.api_key_uses AS u WHERE u.api_key_id = pg_temp.id(p_key)
$$;
-- Whole hours of UTC are none of this zone's.
SET LOCAL timezone = 'Asia/Kathmandu';
SELECT pg_temp.uses() AS issued, pg_temp.keys() AS untouched \gset
SELECT is(pg_temp.use_of(:'key'), '', 'a key that was issued was not used yet');

-- Entering and reading note nothing.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', overlay(:'key' PLACING 'x' FROM 84)), 'RF005', NULL, 'a wrong secret is refused');
SELECT throws_ok(format('SELECT audit.enter_tenant(%L, %L)', :'key', 'tap-b'), 'RF007', NULL, 'as is another tenant');
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'the right key opens its tenant');
SELECT is(audit.list_audit_logs()::json ->> 'count', '0', 'which is read');
SELECT is(pg_temp.uses(), :'issued', 'none of it is noted');

-- Without a proof nothing is noted, whatever is set.
SELECT set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', 'no tenant is set for this transaction', 'no tenant: refused');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', 'no tenant is proven for this statement', 'a name alone: refused');
SELECT set_config('app.scopes', 'read,write', true),
       set_config('app.proof', concat('1:', pg_temp.id(:'key'), ':', extract(epoch FROM clock_timestamp()), ':', repeat('0', 64)), true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', 'no tenant is proven for this statement', 'a made-up proof: refused');
SELECT set_config('app.proof', pg_temp.proof('tap-a', p_api_key_id => pg_temp.id(:'key'), p_age => 5.1), true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', 'the proof of the tenant has expired', 'an old one: refused');
SELECT audit.enter_tenant(:'key') \gset
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', NULL, 'a genuine one, and another tenant named: refused');
SELECT audit.enter_tenant(:'key') \gset
SELECT set_config('app.proof', regexp_replace(current_setting('app.proof'), ':[0-9a-f]{16}:', ':' || pg_temp.id(:'other_key') || ':'), true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', NULL, 'a genuine one, in which another key of the tenant is named: refused');
SELECT audit.enter_tenant(:'key') \gset
SELECT set_config('app.proof', regexp_replace(current_setting('app.proof'), ':[0-9a-f]{16}:', ':' || pg_temp.id(:'key_of_b') || ':'), true) \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('write')$$, 'RF001', NULL, 'or a key of another: refused');
SELECT is(pg_temp.uses(), :'issued', 'none of it is noted');

-- Of the scopes that the key has.
SELECT audit.enter_tenant(:'key') \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('import')$$, 'RF006', 'the API key has not the scope import', 'a scope that it has not: refused');
SELECT throws_ok('SELECT audit.record_api_key_use(NULL)', 'RF001', NULL, 'no scope: refused');
SELECT throws_ok($$SELECT audit.record_api_key_use('')$$, 'RF006', NULL, 'an empty one: refused');
SELECT is(pg_temp.uses(), :'issued', 'none of it is noted');
SELECT lives_ok($$SELECT audit.record_api_key_use('write')$$, 'a scope that it has: accepted');
SELECT is(pg_temp.use_of(:'key'), 'used this hour', 'and noted, with the hour of UTC');
SELECT is(pg_temp.use_of(:'other_key'), '', 'for no other key of the tenant');
SELECT is(pg_temp.use_of(:'key_of_b'), '', 'nor for one of another tenant');
SELECT pg_temp.uses() AS used \gset
SELECT lives_ok($$SELECT audit.record_api_key_use('write')$$, 'once more in the hour');
SELECT is(pg_temp.uses(), :'used', 'nothing is written');
SELECT lives_ok($$SELECT audit.record_api_key_use('read')$$, 'the first read of the hour');
SELECT is(pg_temp.use_of(:'key'), 'used this hour, read this hour', 'is noted');
SELECT pg_temp.uses() AS used \gset
SELECT lives_ok($$SELECT audit.record_api_key_use('read')$$, 'the second');
SELECT lives_ok($$SELECT audit.record_api_key_use('write')$$, 'and another write');
SELECT is(pg_temp.uses(), :'used', 'write nothing');
SELECT audit.enter_tenant(:'writing_key') \gset
SELECT throws_ok($$SELECT audit.record_api_key_use('read')$$, 'RF006', 'the API key has not the scope read', 'a key that may not read has not read');
SELECT lives_ok($$SELECT audit.record_api_key_use('write')$$, 'though it wrote');
SELECT is(pg_temp.use_of(:'writing_key'), 'used this hour', 'which alone is noted');
SELECT is(audit.enter_tenant(:'other_key'), 'tap-a', 'another key');
SELECT lives_ok($$SELECT audit.record_api_key_use('read')$$, 'that reads first');
SELECT is(pg_temp.use_of(:'other_key'), 'used this hour, read this hour', 'is used and reads');

-- The next hour, as it will look back on this one; the one after a clock that went back is no later.
RESET SESSION AUTHORIZATION;
UPDATE audit.api_key_uses SET last_used_at = last_used_at - interval '1 microsecond', last_read_at = last_read_at + interval '1 hour'
WHERE api_key_id = pg_temp.id(:'key');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key'), audit.record_api_key_use('read') \gset
SELECT is(pg_temp.use_of(:'key'), 'used this hour, read ' || date_trunc('hour', now(), 'UTC') + interval '1 hour',
    'an hour that is over is replaced, a later one is not');
RESET SESSION AUTHORIZATION;
UPDATE audit.api_key_uses SET last_used_at = last_used_at + interval '1 hour', last_read_at = last_read_at - interval '2 hours'
WHERE api_key_id = pg_temp.id(:'key');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key'), audit.record_api_key_use('read') \gset
SELECT is(pg_temp.use_of(:'key'), 'used ' || date_trunc('hour', now(), 'UTC') + interval '1 hour' || ', read this hour', 'nor the other way about');
SELECT is(pg_temp.use_of(:'key_of_b'), '', 'and a key that nobody showed is as it was');
-- Neither a new version of the row, nor a lock on it: revoking waits for neither.
SELECT is(pg_temp.keys(), :'untouched', 'no key itself was written or locked by any of this');

-- The key that is proven, for the functions that name it: whatever the age and the scope, but with a genuine proof alone.
RESET SESSION AUTHORIZATION;
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read', true) \gset
SELECT is((SELECT audit.proven_api_key() FROM (SELECT set_config('app.proof', proof, true) OFFSET 0) AS set), named, said)
FROM (VALUES
    (pg_temp.proof('tap-a', 'read', 'abc'),                 'abc',       'the proven key is that of the proof'),
    (pg_temp.proof('tap-a', 'read', 'abc', p_age => 86400), 'abc',       'be it old'),
    (pg_temp.proof('tap-a', 'read', ''),                    '',          'or made with no key'),
    (replace(pg_temp.proof('tap-a', 'read', 'abc'), ':abc:', ':abd:'), NULL, 'with another named in it there is none'),
    (pg_temp.proof('tap-b', 'read', 'abc'),                 NULL,        'nor in the proof of another tenant'),
    (pg_temp.proof('tap-a', 'write', 'abc'),                NULL,        'of other scopes'),
    (pg_temp.proof('tap-a', 'read', 'abc', p_started => '0'), NULL,      'of another transaction'),
    ('1:abc:0',                                             NULL,        'in three parts'),
    ('',                                                    NULL,        'or without a proof')) AS claim (proof, named, said);
SET LOCAL SESSION AUTHORIZATION audit_app;

-- By whom.
SELECT throws_ok('UPDATE audit.api_key_uses SET last_used_at = now()', '42501', 'permission denied for table api_key_uses', 'by no other way');
SELECT throws_ok('SELECT audit.proven_api_key()', '42501', 'permission denied for function proven_api_key', 'nor is the proven key told');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok($$SELECT audit.record_api_key_use('read')$$, '42501', 'permission denied for function record_api_key_use', 'a gateway has no key');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok($$SELECT audit.record_api_key_use('read')$$, '42501', 'permission denied for function record_api_key_use',
    'an administrator uses none');
SELECT results_eq(format('SELECT last_used_at FROM audit.list_api_keys() WHERE id = %L', pg_temp.id(:'key')),
    ARRAY[date_trunc('hour', now(), 'UTC') + interval '1 hour'], 'but sees the use in their list');
SELECT lives_ok(format('SELECT audit.revoke_api_key(%L)', pg_temp.id(:'key')), 'and revokes it');

SELECT * FROM finish();
ROLLBACK;
