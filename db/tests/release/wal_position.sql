-- Proves: audit.wal_position() tells where this server is in the write-ahead log, and which database that is, to both groups.

BEGIN;
SELECT plan(7);

\ir ../support/gateway.sql

SELECT is(database, concat((pg_control_system()).system_identifier, ':',
    (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())), 'it names the cluster and the database')
FROM audit.wal_position();
SELECT position AS before FROM audit.wal_position() \gset
SELECT cmp_ok(:'before'::bigint, '<=', pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, 'the position is what is written');
SELECT pg_logical_emit_message(false, 'tap', repeat('x', 100)), pg_switch_wal() \gset
SELECT cmp_ok((SELECT position FROM audit.wal_position()), '>', :'before'::bigint, 'and grows with what is written');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT isnt((SELECT position FROM audit.wal_position()), NULL, 'the service asks for it without a tenant');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT isnt((SELECT position FROM audit.wal_position()), NULL, 'so does a gateway''s');
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_admin;
SELECT throws_ok('SELECT audit.wal_position()', '42501', 'permission denied for function wal_position', 'administrators do not');
RESET ROLE;
SELECT is((SELECT is_standby FROM audit.wal_position()), false, 'a primary is no standby; tests/store/test_read_replica_fails.py has one');

SELECT * FROM finish();
ROLLBACK;
