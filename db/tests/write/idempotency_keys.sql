-- Proves: an Idempotency-Key is its tenant's own: no transaction claims or sees one of a tenant that it has not proven, or,
-- where names count, named. The same body gets the answer that was given; another is refused; after a day the key is new.

BEGIN;
SELECT plan(45);

\ir ../support/gateway.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['import']) AS import_key,
       audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS read_key,
       audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
PREPARE claim (text, text, text) AS SELECT audit.claim_idempotency_key($1, sha256($2::bytea), $3);
CREATE FUNCTION pg_temp.keys() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$SELECT string_agg(concat_ws('/', tenant_id, key, answer), ' ' ORDER BY tenant_id, key COLLATE "C") FROM audit.idempotency_keys$$;

-- With a key.
SET LOCAL lock_timeout = '7s';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'of nobody')$$, 'RF001', 'no tenant is set for this transaction', 'no tenant: nothing');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'of a name')$$, 'RF001', NULL, 'a name without a proof: nothing');
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'a key with the scope write');
SELECT results_eq($$EXECUTE claim ('k', 'body', 'first')$$, ARRAY[NULL::text], 'a key that is new');
SELECT results_eq($$EXECUTE claim ('k', 'body', 'second')$$, ARRAY['first'], 'the same body again: what was answered first');
SELECT throws_ok($$EXECUTE claim ('k', 'other', 'third')$$, 'RF008', 'the idempotency key was used with another body', 'another body');
SELECT results_eq($$EXECUTE claim ('K', 'other', 'of K')$$, ARRAY[NULL::text], 'another key');
SELECT throws_ok(format('EXECUTE claim (%L, %L, %L)', key, 'body', 'x'), 'RF003', 'an Idempotency-Key has 1 to 255 characters', said)
FROM (VALUES ('', 'a key of no character'), (repeat('k', 256), 'a key of 256'), (NULL, 'no key')) AS c (key, said);
SELECT is(current_setting('lock_timeout'), '7s', 'how long it waits is as it was');
SELECT is(audit.enter_tenant(:'import_key'), 'tap-a', 'a key with the scope import');
SELECT results_eq($$EXECUTE claim ('k', 'body', 'fourth')$$, ARRAY['first'], 'gets the tenant''s answer');
SELECT is(audit.enter_tenant(:'read_key'), 'tap-a', 'a key with the scope read');
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'x')$$, 'RF006', 'the API key has not the scope write', 'read: learns nothing');
SELECT set_config('app.scopes', 'write', true) \gset
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'x')$$, 'RF001', NULL, 'read: nor claiming another scope');

-- Another tenant.
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of another tenant');
SELECT results_eq($$EXECUTE claim ('k', 'body', 'of b')$$, ARRAY[NULL::text], 'the same Idempotency-Key is new there');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'x')$$, 'RF001', NULL, 'with the other named there is nothing');
SELECT throws_ok(statement, '42501', NULL, 'no access to the table: ' || statement)
FROM (VALUES ('SELECT FROM audit.idempotency_keys'), ('DELETE FROM audit.idempotency_keys'),
    ($$UPDATE audit.idempotency_keys SET answer = 'x'$$), ('TRUNCATE audit.idempotency_keys'),
    ($$INSERT INTO audit.idempotency_keys VALUES ('tap-b', 'x', sha256('x'), 'x', now())$$)) AS s (statement);
SELECT throws_ok('SELECT audit.writing_tenant()', '42501', 'permission denied for function writing_tenant', 'nor to what its policy asks');
SELECT is(pg_temp.keys(), 'tap-a/K/of K tap-a/k/first tap-b/k/of b', 'so these there are');

-- The owner's policy, without the function.
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'the other tenant again');
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
PREPARE seen AS SELECT count(*) FROM audit.idempotency_keys;
PREPARE forged (text) AS INSERT INTO audit.idempotency_keys VALUES ($1, 'forged', sha256('x'), 'x', now());
SELECT results_eq('EXECUTE seen', ARRAY[1::bigint], 'the owner sees the keys of the tenant that is proven');
SELECT throws_ok($$EXECUTE forged ('tap-a')$$, '42501', 'new row violates row-level security policy for table "idempotency_keys"',
    'and stores none for another');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT results_eq('EXECUTE seen', ARRAY[0::bigint], 'nor sees any of a tenant that is named');
SELECT throws_ok($$EXECUTE forged ('tap-a')$$, '42501', 'new row violates row-level security policy for table "idempotency_keys"',
    'nor stores one for it');
RESET ROLE;

-- Where names count.
SELECT set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true) \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'x')$$, 'RF001', NULL, 'a gateway that names no tenant: nothing');
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'a gateway that names one');
SELECT results_eq($$EXECUTE claim ('k', 'body', 'x')$$, ARRAY['of b'], 'gets that one''s answer');
SELECT results_eq($$EXECUTE claim ('g', 'body', 'of the gateway')$$, ARRAY[NULL::text], 'and claims for it');
SELECT throws_ok('SELECT FROM audit.idempotency_keys', '42501', NULL, 'and has no access to the table');
SELECT is(pg_temp.keys(), 'tap-a/K/of K tap-a/k/first tap-b/g/of the gateway tap-b/k/of b', 'so these there are');

-- Who is in both groups must prove.
RESET SESSION AUTHORIZATION;
GRANT audit_keyed TO tap_gateway;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'a login that is in both groups names a tenant');
SELECT throws_ok($$EXECUTE claim ('k', 'body', 'x')$$, 'RF001', NULL, 'and claims nothing');

-- A day later.
RESET SESSION AUTHORIZATION;
UPDATE audit.idempotency_keys SET created_at = now() - interval '24 hours';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'after 24 hours to the microsecond');
SELECT throws_ok($$EXECUTE claim ('k', 'other', 'x')$$, 'RF008', NULL, 'the key is still the old one');
RESET SESSION AUTHORIZATION;
UPDATE audit.idempotency_keys SET created_at = now() - interval '24 hours 1 microsecond';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'a microsecond later');
SELECT results_eq($$EXECUTE claim ('k', 'other', 'new')$$, ARRAY[NULL::text], 'it is new');
SELECT results_eq($$EXECUTE claim ('k', 'other', 'x')$$, ARRAY['new'], 'and has another answer');
SELECT is(pg_temp.keys(), 'tap-a/k/new tap-b/g/of the gateway tap-b/k/of b', 'the tenant''s others are gone, those of another stay');

SELECT * FROM finish();
ROLLBACK;
