-- Proves: sealing, and its lag, are refused in a transaction that is not READ COMMITTED: on one old snapshot the horizon and what is below it
-- would not belong together.

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT plan(2);

SELECT throws_ok('SELECT audit.seal_records()', '25000', 'records are sealed in a transaction that is READ COMMITTED', 'no record is sealed');
SELECT throws_ok('SELECT audit.sealing_lag()', '25000', 'a tenant is entered in a transaction that is READ COMMITTED', 'and no lag is told');

SELECT * FROM finish();
ROLLBACK;
