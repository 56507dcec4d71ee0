-- Proves: an evidence bundle after a prune and an erasure shows a leaf that was pruned by its hash, a tile that has folded as one, an erased record without its
-- private line; it leads to the signed roots all the same, whole and of a window, in parts, and with a key; a page that a folded tile reaches over is refused.

BEGIN;
SELECT plan(28);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/gateway.sql
\ir ../support/trees.sql
\ir ../support/answer.sql
\ir ../support/bundle.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.set_retention('tap-a', 200, NULL) \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;
-- Leaves 0 to 599 are due, 600 and 601 are not: one of jane, who is erased, one of john.
SELECT pg_temp.kept_many('tap-a', 1, 600, 'LIVE', '2020-01-01 00:00:00+00') \gset
SELECT pg_temp.kept('tap-a', 1, 'LIVE', now() - interval '2 hours', 'jane', '{"approver": "joe"}'), pg_temp.kept('tap-a', 2, 'LIVE', now() - interval '1 hour', 'john') \gset
SELECT pg_temp.seal(), pg_temp.sign('tap-a') AS old_note \gset
SELECT encode(root, 'base64') AS old_root FROM audit.trees WHERE tenant_id = 'tap-a' \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT split_part(audit.get_leaf(pg_temp.id_of('tap-a', 1)), E'\n', 1) AS jane, audit.get_leaf(pg_temp.id_of('tap-a', 2)) AS john \gset
RESET SESSION AUTHORIZATION;
-- Of the second tile the last leaf is held; the third is not whole.
SELECT audit.place_hold('tap-a', 'reason', 'case', p_start_time => timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second',
                        p_end_time => timestamptz '2020-01-01 00:00:00+00' + (n + 1) * interval '1 second') AS hold
FROM (VALUES (512)) AS h (n) \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '599', 'all that is due but a held one is pruned');
SELECT is(pg_temp.as_eraser('erased FROM audit.erase_user(''tap-a'', ''jane'', ''request'')'), '1', 'one person is erased');
SELECT pg_temp.sign('tap-a') AS note \gset
SELECT size, encode(root, 'base64') AS root FROM audit.trees WHERE tenant_id = 'tap-a' \gset
SELECT is(:'size'::text, '604', 'two statements follow');
CREATE FUNCTION pg_temp.shown(p_bundle text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(CASE WHEN count = 1 THEN kind ELSE format('%s %s', count, kind) END, ', ' ORDER BY first)
    FROM (SELECT kind, count(*), min(n) AS first
          FROM (SELECT kind, n, n - row_number() OVER (PARTITION BY kind ORDER BY n) AS run
                FROM (SELECT n, CASE WHEN line LIKE '{"omitted":%' THEN 'omitted ' || (line::json ->> 'omitted')
                                     WHEN line LIKE '{"salt":%' THEN 'private' WHEN line LIKE '{"version":1,%' THEN line::json ->> 'kind' END AS kind
                      FROM string_to_table(p_bundle, E'\n') WITH ORDINALITY AS l (line, n)) AS lines WHERE kind IS NOT NULL) AS runs
          GROUP BY kind, run) AS shown
$$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT pg_temp.exported() AS bundle \gset
SELECT is(pg_temp.shown(:'bundle'), 'omitted 256, 255 omitted 1, record, private, 88 omitted 1, 2 record, private, prune, erase',
    'a folded tile is one line, what was pruned elsewhere a line each, and an erased record has no private line');
SELECT results_eq(format('SELECT * FROM pg_temp.roots(%L)', :'bundle'), format('VALUES (1, 604::bigint, %L, %L)', :'root', :'note'), 'the bundle leads to the signed root');
SELECT matches(:'bundle'::text, E'\n\\{"complete":true,"records":3\\}\n$', 'it counts the records that it shows');
SELECT isnt(strpos(:'bundle', E'\n' || :'jane' || E'\n{"version":1,"kind":"record"'), 0, 'the line of the erased record is what it was');
SELECT isnt(strpos(:'bundle', E'\n' || :'john'), 0, 'and that of another person stands with its private line');
SELECT is(concat(strpos(:'bundle', 'jane'), ' ', strpos(:'bundle', 'joe'), ' ', strpos(:'bundle', 'error of 1')), '0 0 0', 'nothing that was erased is in it');
SELECT is(audit.get_leaf(pg_temp.id_of('tap-a', 1)), :'jane' || E'\n', 'the leaf of an erased record is its line alone');
SELECT matches(audit.get_inclusion_proof(pg_temp.id_of('tap-a', 1)), E'\nindex 600\n', 'and has its proof');
SELECT isnt(audit.get_audit_log(pg_temp.id_of('tap-a', 1))::text, NULL, 'the record itself is there');

-- Of a window: around what has gone.
SELECT pg_temp.exported(now() - interval '150 minutes', now() - interval '90 minutes') AS window_bundle \gset
SELECT is(pg_temp.shown(:'window_bundle'), 'omitted 512, omitted 64, omitted 16, omitted 8, record, 2 omitted 1, erase', 'a window shows its leaves, subtrees, and the statement of the erasure');
SELECT results_eq(format('SELECT * FROM pg_temp.roots(%L)', :'window_bundle'), format('VALUES (1, 604::bigint, %L, %L)', :'root', :'note'), 'and leads to the root');
SELECT pg_temp.exported('2020-01-01 00:00:00+00', '2021-01-01 00:00:00+00') AS old_bundle \gset
SELECT is(pg_temp.shown(:'old_bundle'), 'omitted 256, omitted 128, omitted 64, omitted 32, omitted 16, omitted 8, omitted 4, omitted 2, omitted 1, record, private, omitted 64, omitted 16, omitted 8, '
    'omitted 4', 'a window of the time that was pruned shows what is left of it');
SELECT is((pg_temp.roots(:'old_bundle')).root, :'root', 'and leads to the root');
RESET SESSION AUTHORIZATION;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(substr(pg_temp.exported(p_api_key => :'key'), strpos(:'bundle', E'\n')), substr(:'bundle', strpos(:'bundle', E'\n')), 'with a key it is the same');
RESET SESSION AUTHORIZATION;

-- Pages: a folded tile stands where it was, and must not reach over the border of one.
CREATE FUNCTION pg_temp.page(p_first int, p_end int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.answer(format('concat(pg_temp.shown(p.text), '' '', p.records) FROM audit.evidence_page(''tap-a'', 1, %s, %s) AS p', p_first, p_end))
$$;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is((audit.evidence_leaves('tap-a', audit.begin_evidence(NULL, NULL) || '{"step": "leaves", "position": 0, "leaf": 260, "count": 0}', 100)).state ->> 'leaf', '512',
    'a page ends with a tile: should that fold before the next one, it is told whole');
SELECT is(pg_temp.page(0, 256), 'omitted 256 0', 'a page of a folded tile');
SELECT is(pg_temp.page(0, 258), 'omitted 256, 2 omitted 1 0', 'and leaves of the next');
SELECT is(pg_temp.page(510, 513), 'omitted 1, record, private, omitted 1 1', 'a page without one');
SELECT is(pg_temp.page(p_first, p_end), 'RF012|leaves of this export were pruned while it was under way', format('from %s to %s: a tile that folded meanwhile', p_first, p_end))
FROM (VALUES (1, 256), (0, 255), (255, 300), (100, 200)) AS p (p_first, p_end);
RESET SESSION AUTHORIZATION;
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index BETWEEN 300 AND 310;
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.page(p_first, p_end), 'RF009|the tree contradicts itself', format('from %s to %s: leaves that somebody has deleted', p_first, p_end))
FROM (VALUES (256, 512), (300, 310)) AS p (p_first, p_end);
RESET SESSION AUTHORIZATION;
SELECT is(:'old_root', encode(audit.root_of_size('tap-a', 1, 602), 'base64'), 'the checkpoint from before stands');

SELECT * FROM finish();
ROLLBACK;
