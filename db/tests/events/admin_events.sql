-- Proves: every administrative act leaves exactly one record of what was done, to whom and by which login, that a failed act
-- leaves none, that nobody can change the records, and that each tenant reads its own.

BEGIN;
SELECT plan(42);

\ir ../support/registrar.sql
\ir ../support/gateway.sql
\ir ../support/new_events.sql
CREATE FUNCTION pg_temp.news() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(' ', e.act, coalesce(e.tenant_id, '-'), e.api_key_id, 'by', e.actor), ', ') FROM pg_temp.new_events() AS e
$$;
-- What a tenant is shown of it.
CREATE FUNCTION pg_temp.listed() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(item ->> 'act', ', ' ORDER BY item ->> 'id')
    FROM json_array_elements(audit.list_admin_events()::json -> 'items') AS item
$$;
\ir ../support/key_id.sql

-- One act, one record; of a rotation two, since it ends one key and begins another. Whoever the login has become.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.create_tenant('tap-a') \gset
SELECT is(pg_temp.news(), 'tenant created tap-a by tap_registrar', 'a tenant created');
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
SELECT is(pg_temp.news(), format('api key issued tap-a %s by tap_registrar', pg_temp.id(:'key')), 'a key issued');
SELECT audit.rotate_api_key(pg_temp.id(:'key')) AS next_key \gset
SELECT is(pg_temp.news(), format('api key issued tap-a %s by tap_registrar, api key rotated tap-a %s by tap_registrar',
    pg_temp.id(:'next_key'), pg_temp.id(:'key')), 'a key rotated: the new one, and the old one');
SELECT audit.revoke_api_key(pg_temp.id(:'key')) \gset
SELECT is(pg_temp.news(), format('api key revoked tap-a %s by tap_registrar', pg_temp.id(:'key')), 'a key revoked');
SELECT audit.rotate_proof_secret() \gset
SELECT is(pg_temp.news(), 'proof secret rotated - by tap_registrar', 'the secret of the proofs rotated');
SET LOCAL ROLE audit_admin;
SELECT audit.create_tenant('tap-b') \gset
SELECT is(pg_temp.news(), 'tenant created tap-b by tap_registrar', 'SET ROLE does not hide the login');
RESET SESSION AUTHORIZATION;
SELECT audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
SELECT is(pg_temp.news(), format('api key issued tap-b %s by %s', pg_temp.id(:'key_of_b'), session_user),
    'a superuser is recorded as well');

-- What only looks leaves no record, nor does what failed.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT lives_ok('SELECT audit.list_tenants(), audit.list_api_keys()', 'lists are made');
SELECT throws_ok('SELECT audit.' || call, state, NULL, 'refused: ' || call)
FROM (VALUES ('create_tenant(''tap-a'')', '23505'), ('create_tenant(''TAP'')', '23514'), ('issue_api_key(''tap-unknown'', ''x'')',
    'RF002'),
             ('issue_api_key(''tap-a'', '''')', '23514'), ('issue_api_key(''tap-a'', ''x'', p_expires_at => now())', 'RF003'),
             ('rotate_api_key(''x'')', 'RF003'), ('revoke_api_key(''x'')', 'RF003')) AS failing (call, state);
SELECT throws_ok(format('SELECT audit.rotate_api_key(%L, NULL)', pg_temp.id(:'next_key')), 'RF003', NULL,
    'refused: a rotation of a valid key');
SAVEPOINT undone;
SELECT audit.create_tenant('tap-z') \gset
ROLLBACK TO SAVEPOINT undone;
SELECT is(pg_temp.news(), NULL, 'none of these is on record, nor an act that was undone');
-- An act that cannot be recorded does not happen.
RESET SESSION AUTHORIZATION;
SAVEPOINT unrecorded;
ALTER TABLE audit.admin_events ADD CONSTRAINT tap_full CHECK (false) NOT VALID;
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok(format('SELECT audit.revoke_api_key(%L)', pg_temp.id(:'next_key')), '23514', NULL,
    'what cannot be recorded is not done');
SELECT results_eq(format('SELECT status FROM audit.list_api_keys() WHERE id = %L', pg_temp.id(:'next_key')), ARRAY['valid'],
    'the key is as it was');
ROLLBACK TO SAVEPOINT unrecorded;

-- Nobody changes the record, or adds to it.
PREPARE forging AS INSERT INTO audit.admin_events (id, tenant_id, act, actor, created_at)
    VALUES (gen_random_uuid(), 'tap-a', 'tenant created', 'somebody', now());
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok('SELECT FROM audit.admin_events', '42501', 'permission denied for table admin_events',
    'an administrator does not read it');
SELECT throws_ok($$SELECT audit.record_admin_event('tenant created', 'tap-a', NULL)$$, '42501',
    'permission denied for function record_admin_event', 'nor record what was not done');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$SELECT audit.record_admin_event('tenant created', 'tap-a', NULL)$$, '42501',
    'permission denied for function record_admin_event', 'nor does the service');
SELECT throws_ok(statement, '42501', 'permission denied for table admin_events', 'the service does not: ' || statement)
FROM (VALUES ('EXECUTE forging'), ('UPDATE audit.admin_events SET actor = ''x'''), ('DELETE FROM audit.admin_events'),
             ('TRUNCATE audit.admin_events')) AS s (statement);
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(statement, '42501', 'permission denied for table admin_events', 'a gateway does not: ' || statement)
FROM (VALUES ('EXECUTE forging'), ('UPDATE audit.admin_events SET actor = ''x'''), ('DELETE FROM audit.admin_events'),
             ('TRUNCATE audit.admin_events')) AS s (statement);
RESET SESSION AUTHORIZATION;
SAVEPOINT forged;
SELECT lives_ok('EXECUTE forging', 'for whom it is allowed, the INSERT is a good statement');
ROLLBACK TO SAVEPOINT forged;

-- Each tenant reads its own, named or proven.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'a gateway names tap-b');
SELECT results_eq('SELECT act FROM audit.admin_events ORDER BY id', ARRAY['tenant created', 'api key issued'],
    'and reads its acts alone');
SELECT is(json_array_length(audit.list_admin_events()::json -> 'items'), 2, 'and lists them');
SELECT set_config('app.tenant_id', '', true) \gset
SELECT is_empty('SELECT FROM audit.admin_events', 'without a tenant it reads none, nor those of no tenant');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of tap-b');
SELECT throws_ok('SELECT FROM audit.admin_events', '42501', 'permission denied for table admin_events',
    'reads no table');
SELECT is(pg_temp.listed(), 'tenant created, api key issued', 'and lists its acts alone');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF001', 'no tenant is proven for this statement',
    'with tap-a named it lists none');
SELECT is(audit.enter_tenant(:'next_key'), 'tap-a', 'a key of tap-a');
SELECT is(pg_temp.listed(), 'tenant created, api key issued, api key issued, api key rotated, api key revoked',
    'lists those of tap-a');
SELECT audit.record_api_key_use('read') \gset
SELECT is(pg_temp.listed(),
    'tenant created, api key issued, api key issued, api key rotated, api key revoked, records read',
    'and, once that is recorded, that they were read');

SELECT * FROM finish();
ROLLBACK;
