-- Proves: that a key was used is written down once an hour, so that use stays cheap, and refusals are not taken for use; and
-- never in the key itself, so that nobody's open transaction keeps an administrator from revoking it.

BEGIN;
SELECT plan(17);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap') AS other_key \gset
SELECT split_part(:'key', '_', 2) AS id \gset
-- The version of the row changes with each write to it.
CREATE TEMPORARY VIEW row_of_the_key AS SELECT ctid::text AS version, last_used_at FROM audit.api_key_uses WHERE api_key_id = :'id';
CREATE TEMPORARY VIEW key_itself AS SELECT concat(ctid, ' ', xmax) AS version FROM audit.api_keys WHERE id = :'id';
CREATE FUNCTION pg_temp.entries() RETURNS bigint LANGUAGE sql AS $$
    SELECT pg_stat_get_xact_tuples_inserted('audit.tenant_entries'::regclass)
$$;
SELECT version AS issued, pg_temp.entries() AS entries, (SELECT version FROM key_itself) AS untouched FROM row_of_the_key \gset
SELECT is((SELECT last_used_at FROM row_of_the_key), NULL, 'a key that was issued was not used yet');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', overlay(:'key' PLACING 'x' FROM 84)), 'RF005', NULL,
    'a wrong secret is refused');
SELECT throws_ok(format('SELECT audit.enter_tenant(%L, %L)', :'key', 'tap-b'), 'RF007', NULL, 'as is another tenant');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT version FROM row_of_the_key), :'issued', 'neither is written down');
SELECT is(pg_temp.entries(), :'entries'::bigint, 'nor counts as an entry');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'the key is used');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT last_used_at FROM row_of_the_key), date_trunc('hour', now()), 'the hour is written');
SELECT is(pg_temp.entries(), :'entries'::bigint + 1, 'and counts as one entry');
SELECT version AS used FROM row_of_the_key \gset

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'the key is used again');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT version FROM row_of_the_key), :'used', 'nothing is written');
SELECT is(pg_temp.entries(), :'entries'::bigint + 2, 'though it counts as an entry');

-- The next hour, as it will look back on this one.
UPDATE audit.api_key_uses SET last_used_at = date_trunc('hour', now()) - interval '1 microsecond' WHERE api_key_id = :'id';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'the key is used in the next hour');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT last_used_at FROM row_of_the_key), date_trunc('hour', now()), 'that hour is written');
SELECT is((SELECT u.last_used_at FROM audit.api_key_uses AS u WHERE u.api_key_id = split_part(:'other_key', '_', 2)), NULL,
    'for no other key');
-- Neither a new version of the row, nor a lock on it: revoking waits for neither.
SELECT is((SELECT version FROM key_itself), :'untouched', 'the key itself was neither written nor locked by any of this');
SELECT results_eq(format('SELECT last_used_at FROM audit.list_api_keys() WHERE id = %L', :'id'),
    ARRAY[date_trunc('hour', now())], 'administrators see it in their list');
-- Without SKIP LOCKED the second of two that enter at the full hour would wait for the first to end.
SELECT matches((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.enter_tenant(text,text)'::regprocedure),
    'FOR NO KEY UPDATE SKIP LOCKED', 'and nobody waits for another to write it');

SELECT * FROM finish();
ROLLBACK;
