-- Proves: a part of an export ends with the page that makes it a second long, and is gone on with as after any other; a proof holds for all
-- pages of a part; and where it expires while one is read there is an error, and no end of the export.

BEGIN;
SELECT plan(6);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
\ir ../support/gateway.sql
\ir ../support/proof.sql

-- Two pages that are read in no time, however busy the machine; but the oldest record takes as long as a test wants.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
SELECT gen_random_uuid(), 'tap-a', CASE n WHEN 1 THEN 'slow' ELSE 'agent' END, timestamptz '2001-01-01 00:00:00+00' + interval '1 second' * n
FROM generate_series(1, 1002) AS n;
CREATE POLICY slow ON audit.audit_logs AS RESTRICTIVE FOR SELECT TO audit_trusted, audit_owner
    USING (CASE agent_id WHEN 'slow' THEN pg_sleep(current_setting('tap.seconds')::float8) IS NOT NULL ELSE true END);
SET LOCAL tap.seconds = 0;
SET LOCAL enable_seqscan = off;   -- which would read it once a page
CREATE TEMPORARY TABLE part (name text, position int GENERATED ALWAYS AS IDENTITY, text text, state text);
GRANT ALL ON part TO tap_gateway, audit_app;
PREPARE add_part (text) AS INSERT INTO part (name, text, state)
    SELECT $1, convert_from(lines, 'UTF8'), state FROM audit.export_audit_logs();
CREATE FUNCTION pg_temp.last_line(p_text text) RETURNS text LANGUAGE sql AS $$SELECT substring(right(p_text, 99), '[^\n]*\n$')$$;

-- By name.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT audit.begin_export(p_order => 'asc') AS state \gset
SELECT audit.continue_export(:'state') \gset
EXECUTE add_part ('whole');
SET LOCAL tap.seconds = 1.1;
SELECT audit.continue_export(:'state') \gset
EXECUTE add_part ('begun');
SET LOCAL tap.seconds = 0;
SELECT is((SELECT count(*) FROM part WHERE name = 'begun'), 1::bigint, 'the page that makes a part a second long is its last');
SELECT audit.continue_export((SELECT state FROM part WHERE name = 'begun')) \gset
EXECUTE add_part ('begun');
SELECT is((SELECT string_agg(text, '' ORDER BY position) FROM part WHERE name = 'begun'),
    (SELECT string_agg(text, '' ORDER BY position) FROM part WHERE name = 'whole'), 'and it is gone on with as after any other');

-- With a key: a proof that has just been made, and one that expires while the first page is read.
SET LOCAL tap.seconds = 0.7;   -- less than ends a part
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a proof that has just been made');
SELECT audit.begin_export(:'key', p_order => 'asc') AS state \gset
SELECT audit.continue_export(:'state') \gset
EXECUTE add_part ('with a key');
SELECT is(pg_temp.last_line((SELECT text FROM part ORDER BY position DESC LIMIT 1)), E'{"complete": true, "count": 1002}\n', 'both pages');
SELECT audit.continue_export(:'state') \gset
RESET SESSION AUTHORIZATION;
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read,write', true),
       set_config('app.proof', pg_temp.proof('tap-a', p_age => 4.5), true) \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.proven_tenant('read'), 'tap-a', 'with a proof that holds for a moment more');
SELECT throws_ok('SELECT audit.export_audit_logs()', 'RF001', 'the proof of the tenant has expired',
    'an error, and no shorter export');

SELECT * FROM finish();
ROLLBACK;
