-- Proves: audit.begin_epoch() is refused in a transaction that is not REPEATABLE READ, for any reason but its two, and to the service; and no
-- epoch ends at a snapshot in which other transactions were writing.

BEGIN;
SELECT plan(7);
\ir ../support/registrar.sql
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok($$SELECT audit.begin_epoch('restore', NULL)$$, '25000', 'an epoch begins in a transaction that is REPEATABLE READ',
    'READ COMMITTED: refused');
SELECT throws_ok($$SELECT audit.begin_epoch('whim', NULL)$$, 'RF003', 'an epoch begins after a restore or a failover', 'another reason: refused');
SELECT throws_ok($$SELECT audit.begin_epoch(NULL, NULL)$$, 'RF003', 'an epoch begins after a restore or a failover', 'none: refused');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok($$SELECT audit.begin_epoch('restore', NULL)$$, '42501', 'permission denied for function begin_epoch', 'not the service''s to call');
RESET SESSION AUTHORIZATION;
SELECT is(audit.snapshot_end('100:100:'), '99'::xid8, 'an epoch ends below the end of a snapshot in which nothing was under way');
SELECT throws_ok($$SELECT audit.snapshot_end('98:100:98')$$, '55006', 'other transactions are writing', 'and in no other');
SELECT is(audit.snapshot_end('9000000000:9000000000:'), '8999999999'::xid8, 'numbers have 64 bits');

SELECT * FROM finish();
ROLLBACK;
