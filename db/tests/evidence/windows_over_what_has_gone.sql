-- Proves: a bundle of a window shows, beside it, the statements of prune and erase that name leaves which it shows, and no other statement; its
-- lines lead to the root all the same.

BEGIN;
SELECT plan(8);
\ir ../support/kept.sql
\ir ../support/trees.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/signer.sql
\ir ../support/bundle.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.set_retention('tap-a', 200, NULL) \gset
-- The window has 2 and 4. 3 goes with the first prune, 7 with the second.
SELECT count(pg_temp.kept('tap-a', n, 'LIVE', now() - days * interval '24 hours', 'jane'))
FROM (VALUES (1, 50), (2, 10), (3, 300), (4, 10), (5, 50), (6, 50), (7, 300), (8, 50)) AS k (n, days) \gset
SELECT pg_temp.seal() \gset
SELECT encode(pg_temp.mth((pg_temp.leaf_hashes('tap-a', 1, 8))[5:]), 'hex') AS rest \gset
SELECT pg_temp.sign('tap-a') \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_agent_id => 'agent-7') AS hold \gset
SELECT pg_temp.as_retention('audit.prune_records(10000)') \gset
SELECT audit.release_hold(:'hold', 'over') \gset
SELECT pg_temp.as_retention('audit.prune_records(10000)') \gset
SELECT pg_temp.sign('tap-a') AS note \gset
SELECT max(line) FILTER (WHERE leaf_index = 8) AS first, max(hex) FILTER (WHERE leaf_index = 9) AS second, max(hex) FILTER (WHERE leaf_index = 2) AS gone,
       max(hex) FILTER (WHERE leaf_index = 0) AS before
FROM (SELECT leaf_index, line, encode(leaf_hash, 'hex') AS hex FROM audit.seals WHERE tenant_id = 'tap-a') AS s \gset
SELECT encode(root, 'base64') AS root FROM audit.trees WHERE tenant_id = 'tap-a' \gset

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT pg_temp.exported(now() - 11 * interval '24 hours', now() - 9 * interval '24 hours') AS bundle \gset
SELECT is(
    ARRAY(SELECT CASE WHEN line LIKE '{"version":1,"kind":"record"%' THEN 'record' WHEN line LIKE '{"salt"%' THEN 'private' ELSE line END
          FROM string_to_table(:'bundle', E'\n') WITH ORDINALITY AS l (line, place) WHERE place > 1 AND line <> '' ORDER BY place),
    ARRAY['{"epoch":1,"size":10}', format('{"omitted":1,"hash":"%s"}', :'before'), 'record', 'private', format('{"omitted":1,"hash":"%s"}', :'gone'),
          'record', 'private', format('{"omitted":4,"hash":"%s"}', :'rest'), :'first'::text, format('{"omitted":1,"hash":"%s"}', :'second'),
          format('{"checkpoint":%s}', to_json(:'note'::text)), '{"complete":true,"records":2}'],
    'beside the window stands the statement that names a leaf of it, and not the other one');
SELECT is(pg_temp.roots(:'bundle'), ROW(1, 10::bigint, :'root'::text, :'note'::text), 'its lines lead to the root');

SELECT is((audit.next_gone_statement('tap-a', 1, 0, 10, '[{"epoch":1,"first":1,"last":3}]')).leaf, 8::bigint, 'the first statement');
SELECT is((audit.next_gone_statement('tap-a', 1, 0, 10, '[{"epoch":1,"first":6,"last":6}]')).leaf, 9::bigint, 'the one that names the leaf');
SELECT is((audit.next_gone_statement('tap-a', 1, 9, 10, '[{"epoch":1,"first":1,"last":6}]')).leaf, 9::bigint, 'from where one looks');
SELECT is((audit.next_gone_statement('tap-a', 1, 0, 9, '[{"epoch":1,"first":6,"last":6}]')).leaf, NULL, 'to where one looks');
SELECT is((audit.next_gone_statement('tap-a', 1, 0, 10, '[{"epoch":1,"first":3,"last":5}]')).leaf, NULL, 'none names the leaves between');
SELECT is((audit.next_gone_statement('tap-a', 1, 0, 10, '[{"epoch":2,"first":1,"last":6}, {"epoch":1,"first":null,"last":null}]')).leaf, NULL, 'nor those of another epoch, or of none');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
