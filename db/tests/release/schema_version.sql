-- Proves: audit.schema_version() tells a run-time role which release of the SQL this database has, and changes with it; and
-- the register it reads can be neither read nor written by that role.

BEGIN;
SELECT plan(14);

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is((SELECT count(*) FROM audit.schema_version()), 1::bigint, 'the service gets one answer');
SELECT cmp_ok((SELECT version FROM audit.schema_version()), '>=', 7, 'with the number of the last schema file');
SELECT matches((SELECT digest FROM audit.schema_version()), '^[0-9a-f]{64}$', 'and a digest of all files');
SELECT throws_ok('SELECT FROM pgmigrate.applied_files', '42501', 'permission denied for schema pgmigrate',
    'it cannot read the register itself');
SELECT throws_ok($$SELECT pgmigrate.record_applied_file('schema/V9999__x.sql', repeat('0', 64))$$, '42501',
    'permission denied for schema pgmigrate', 'nor write it');
SELECT digest AS digest_before, version AS version_before FROM audit.schema_version() \gset
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_keyed;
SELECT lives_ok('SELECT FROM audit.schema_version()', 'audit_keyed may ask');
SET LOCAL ROLE audit_trusted;
SELECT lives_ok('SELECT FROM audit.schema_version()', 'so may audit_trusted');
SET LOCAL ROLE audit_admin;
SELECT lives_ok('SELECT FROM audit.schema_version()', 'so may audit_admin');

-- As the migration does: through the owner.
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SET LOCAL ROLE audit_owner;
SELECT pgmigrate.record_applied_file('schema/V9998__x.sql', repeat('0', 64)) \gset
SELECT is((SELECT version FROM audit.schema_version()), 9998, 'a new schema file is the new version');
SELECT isnt((SELECT digest FROM audit.schema_version()), :'digest_before', 'with another digest');
SELECT pgmigrate.record_applied_file('schema/V9998__x.sql', NULL) \gset
SELECT is((SELECT digest FROM audit.schema_version()), :'digest_before', 'without it the digest is the one before');
SELECT pgmigrate.record_applied_file('functions/tenant/set_tenant.sql', repeat('0', 64)) \gset
SELECT is((SELECT version FROM audit.schema_version()), :version_before, 'an edited function keeps the version');
SELECT isnt((SELECT digest FROM audit.schema_version()), :'digest_before', 'and changes the digest');
SELECT throws_ok($$SELECT pgmigrate.record_applied_file('functions/x.sql', 'not a digest')$$, '23514', NULL,
    'what is no digest is refused');

SELECT * FROM finish();
ROLLBACK;
