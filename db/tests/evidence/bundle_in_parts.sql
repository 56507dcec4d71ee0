-- Proves: the parts of an evidence bundle are together all of it, whether its size or its time ends a part, and it goes on right after each of
-- them and after each line that has a state.

BEGIN;
SELECT plan(11);

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/sealed.sql
\ir ../support/bundle.sql
SELECT audit.create_tenant('tap-many'), audit.create_tenant('tap-slow') \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway', pg_my_temp_schema()::regnamespace); END $$;

-- Long records, of which a page is a part of its own, and short ones.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, error, created_at, recorded_xid)
SELECT md5(n::text || 'many')::uuid, 'tap-many', 'agent', CASE WHEN n <= 1100 THEN repeat('x', 2000) END, timestamptz '2026-01-01 00:00:00+00' + interval '1 second' * n,
       CASE WHEN n <= 1100 THEN '3' ELSE '4' END::xid8
FROM generate_series(1, 3600) AS n;
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-many') \gset
CREATE TEMPORARY TABLE part (position int GENERATED ALWAYS AS IDENTITY, text text, state text);
GRANT ALL ON part TO tap_gateway;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-many') \gset
SELECT audit.begin_export(p_format => 'evidence') AS state, audit.begin_export(p_format => 'evidence', p_start_time => '2026-01-01 00:30:00+00') AS window_state \gset
SELECT pg_temp.rest(:'state') AS bundle \gset
SELECT is(regexp_count(:'bundle', '"kind":"record"'), 3600, 'all of 3,600 records');
SELECT is((pg_temp.roots(:'bundle')).root, encode(audit.root_of_size('tap-many', 1, 3600), 'base64'), 'lead to the root');
SELECT audit.continue_export(:'state') \gset
INSERT INTO part (text, state) SELECT convert_from(lines, 'UTF8'), state FROM audit.export_audit_logs();
SELECT is(string_agg(left(text, 20), ' ' ORDER BY position), '{"evidence":1,"tenan {"epoch":1,"size":36', 'a page that makes a part two megabytes is its last')
FROM part;
SELECT is(md5(pg_temp.body(p.text || pg_temp.rest(p.state))), md5(pg_temp.body(substr(:'bundle', 1 + length(b.before)))), 'it goes on after its part ' || p.position)
FROM part AS p
CROSS JOIN LATERAL (SELECT coalesce(string_agg(o.text, ''), '') AS before FROM part AS o WHERE o.position < p.position) AS b;
RESET SESSION AUTHORIZATION;
TRUNCATE part RESTART IDENTITY;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-many') \gset
-- Short pages, and the search for a window, share a part, and after each of its rows it can be gone on with.
SELECT pg_temp.body(pg_temp.rest(:'window_state')) AS window_body \gset
SELECT audit.continue_export(:'window_state') \gset
INSERT INTO part (text, state) SELECT convert_from(lines, 'UTF8'), state FROM audit.export_audit_logs();
SELECT cmp_ok((SELECT count(*) FROM part), '>', 1::bigint, 'the header is not a part of its own');
SELECT is((SELECT count(*) FROM part WHERE state ~ '"step": "window"'), 1::bigint, 'its state says that the leaves of the window are to be found');
SELECT is((pg_temp.roots(E'\n' || :'window_body')).root, encode(audit.root_of_size('tap-many', 1, 3600), 'base64'), 'it leads to the root');
SELECT is((SELECT count(*) FROM part AS p
           WHERE p.state IS NOT NULL
             AND pg_temp.rest(p.state) <> substr(:'window_body', 1 + coalesce((SELECT sum(length(o.text)) FROM part AS o WHERE o.position BETWEEN 2 AND p.position), 0)::int)),
    0::bigint, 'it goes on after each row');
RESET SESSION AUTHORIZATION;

-- A part that its time ends: a record that takes longer to read than a part may.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at, recorded_xid)
SELECT md5(n::text || 'slow')::uuid, 'tap-slow', CASE n WHEN 1 THEN 'slow' ELSE 'agent' END, '2026-01-01 00:00:00+00', CASE n WHEN 1 THEN '3' ELSE '4' END::xid8
FROM generate_series(1, 1001) AS n;
SELECT pg_temp.seal() \gset
SELECT pg_temp.sign('tap-slow') \gset
CREATE POLICY slow ON audit.audit_logs AS RESTRICTIVE FOR SELECT TO audit_trusted
    USING (CASE agent_id WHEN 'slow' THEN pg_sleep(1.1) IS NOT NULL ELSE true END);
TRUNCATE part RESTART IDENTITY;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-slow') \gset
SELECT audit.continue_export(audit.begin_export(p_format => 'evidence')) \gset
INSERT INTO part (text, state) SELECT convert_from(lines, 'UTF8'), state FROM audit.export_audit_logs();
SELECT is((SELECT state::json ->> 'leaf' FROM part ORDER BY position DESC LIMIT 1), '1000', 'the page that makes a part a second long is its last');
SELECT is((SELECT regexp_count(string_agg(text, '' ORDER BY position) || pg_temp.rest((array_agg(state ORDER BY position DESC))[1]), '"kind":"record"') FROM part),
    1001, 'and it is gone on with as after any other');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
