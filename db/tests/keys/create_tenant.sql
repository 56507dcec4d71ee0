-- Proves: tenants are registered by audit_admin, through audit.create_tenant() and nothing else, and only under names that
-- no other can be mistaken for.

BEGIN;
SELECT plan(32);

-- The logins that an operator would make: one for this, and one that names its tenant.
\ir ../support/registrar.sql
\ir ../support/gateway.sql

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(audit.create_tenant('tap-a', 'Tenant A'), 'tap-a', 'a member of audit_admin registers a tenant and gets its id');
SELECT is(audit.create_tenant('tap-b'), 'tap-b', 'the name may be left out');
SELECT throws_ok($$SELECT audit.create_tenant('tap-a', 'Again')$$, '23505', NULL, 'the same id a second time is refused');

-- The id's form.
SELECT lives_ok(format('SELECT audit.create_tenant(%L)', id), format('%s is a name', said))
FROM (VALUES
    ('0',                                   'one digit'),
    ('z',                                   'one letter'),
    ('tap_c-9',                             'a mixture with _ and -'),
    ('tap-' || repeat('z', 59),             'one of 63 characters')) AS allowed (id, said);
SELECT throws_ok(format('SELECT audit.create_tenant(%L)', id), '23514',
    'new row for relation "tenants" violates check constraint "tenants_id_form"', format('%s is no name', said))
FROM (VALUES
    ('',                                    'the empty string, which an ended SET LOCAL leaves'),
    ('tap-' || repeat('z', 60),             'one of 64 characters'),
    ('Tap-a',                               'one with upper case'),
    ('-tap',                                'one that begins with -'),
    ('_tap',                                'one that begins with _'),
    ('tap a',                               'one with a space'),
    ('tap-a ',                              'one that ends with a space'),
    (E'tap-a\n',                            'one that ends with a new line'),
    ('tap.a',                               'one with a dot'),
    ('t' || chr(1072) || 'p-a',             'one with a Cyrillic letter'),
    ('t' || chr(225) || 'p-a',              'one with an accent')) AS refused (id, said);
SELECT throws_ok('SELECT audit.create_tenant(NULL)', '23502', NULL, 'nothing is no name');

-- The name for people.
SELECT lives_ok($$SELECT audit.create_tenant('tap-d', repeat('a', 200))$$, 'a name of 200 characters is accepted');
SELECT throws_ok($$SELECT audit.create_tenant('tap-e', repeat('a', 201))$$, '23514',
    'new row for relation "tenants" violates check constraint "tenants_name_size"', 'one of 201 is refused');
SELECT lives_ok($$SELECT audit.create_tenant('tap-e', 'a')$$, 'a name of one character is accepted');
SELECT throws_ok($$SELECT audit.create_tenant('tap-f', '')$$, '23514',
    'new row for relation "tenants" violates check constraint "tenants_name_size"', 'an empty one is refused');

-- Only so: the registrar has no privilege on the table, and the function cannot be used for more.
SELECT throws_ok($$INSERT INTO audit.tenants (id, created_at) VALUES ('tap-g', now())$$, '42501',
    'permission denied for table tenants',
    'the registrar writes no row itself');
SELECT throws_ok($$SELECT audit.set_tenant('tap-a')$$, '42501', 'permission denied for function set_tenant',
    'the registrar speaks for no tenant');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$SELECT audit.create_tenant('tap-g')$$, '42501', 'permission denied for function create_tenant',
    'the service registers no tenant');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok($$SELECT audit.create_tenant('tap-g')$$, '42501', 'permission denied for function create_tenant',
    'nor does a gateway');
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'but it works for one that was registered');
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SELECT throws_ok($$SELECT audit.create_tenant('tap-g')$$, '42501', 'permission denied for schema audit',
    'the migrator registers no tenant');
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT name, created_at FROM audit.tenants WHERE id = 'tap-a'$$, $$VALUES ('Tenant A', now())$$,
    'what was registered is there, with the server''s time');
SELECT throws_ok($$INSERT INTO audit.tenants (id) VALUES ('tap-h')$$, '23514',
    'new row for relation "tenants" violates check constraint "tenants_created_at_known"',
    'a tenant without a beginning is refused');
SELECT lives_ok($$INSERT INTO audit.tenants (id, created_at) VALUES ('tap-h', now())$$, 'with one it is accepted');

SELECT * FROM finish();
ROLLBACK;
