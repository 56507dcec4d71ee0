-- Proves: that a key was used is written to it once an hour, so that use stays cheap, and refusals are not taken for use.

BEGIN;
SELECT plan(14);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap') AS other_key \gset
SELECT split_part(:'key', '_', 2) AS id \gset
-- The version of the row changes with each write to it.
CREATE TEMPORARY VIEW row_of_the_key AS SELECT ctid::text AS version, last_used_at FROM audit.api_keys WHERE id = :'id';
CREATE FUNCTION pg_temp.entries() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(sum(entries), 0)::bigint FROM audit.tenant_entries WHERE backend_pid = pg_backend_pid()
$$;
SELECT version AS issued, pg_temp.entries() AS entries FROM row_of_the_key \gset
SELECT is((SELECT last_used_at FROM row_of_the_key), NULL, 'a key that was issued was not used yet');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', overlay(:'key' PLACING 'x' FROM 84)), 'RF005', NULL,
    'a wrong secret is refused');
SELECT throws_ok(format('SELECT audit.enter_tenant(%L, %L)', :'key', 'tap-b'), 'RF007', NULL, 'as is another tenant');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT version FROM row_of_the_key), :'issued', 'neither writes to the key');
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
SELECT is((SELECT version FROM row_of_the_key), :'used', 'nothing is written to it');
SELECT is(pg_temp.entries(), :'entries'::bigint + 2, 'though it counts as an entry');

-- The next hour, as it will look back on this one.
UPDATE audit.api_keys SET last_used_at = date_trunc('hour', now()) - interval '1 microsecond' WHERE id = :'id';
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'the key is used in the next hour');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT last_used_at FROM row_of_the_key), date_trunc('hour', now()), 'that hour is written');
SELECT is((SELECT count(*) FROM audit.api_keys WHERE tenant_id = 'tap-a' AND last_used_at IS NULL), 1::bigint, 'to no other key');

SELECT * FROM finish();
ROLLBACK;
