-- Proves: after a prune every record that is left has its inclusion proof, every two signed sizes have their consistency proof and their roots, by the
-- formulas of RFC 6962 over the hashes as they were; the tree goes on; and what takes leaves that have gone is refused as such (RF012).

BEGIN;
SELECT plan(38);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/gateway.sql
\ir ../support/trees.sql
\ir ../support/answer.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.set_retention('tap-a', 200, NULL) \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, audit_app', pg_my_temp_schema()::regnamespace); END $$;

-- 1,100 leaves; 300 and 900 of them are signed, and all. Held are two of tile 1, and the last ones, of the tiles 3 and 4. So 0 and 2 fold.
SELECT pg_temp.kept_many('tap-a', 1, 300, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-a') \gset
SELECT pg_temp.kept_many('tap-a', 301, 900, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-a') \gset
SELECT pg_temp.kept_many('tap-a', 901, 1100, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-a') \gset
CREATE TEMPORARY TABLE hash (leaf_index bigint PRIMARY KEY, leaf_hash bytea);
INSERT INTO hash SELECT leaf_index, leaf_hash FROM audit.seals WHERE tenant_id = 'tap-a';
SELECT audit.place_hold('tap-a', 'reason', 'case', p_start_time => timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second',
                        p_end_time => timestamptz '2020-01-01 00:00:00+00' + (n + 2) * interval '1 second') IS NOT NULL AS held
FROM (VALUES (500)) AS h (n) \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_start_time => timestamptz '2020-01-01 00:17:00+00') \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), (1100 - 2 - 81)::text, 'all but the held ones are pruned');
SELECT is((SELECT string_agg(format('%s:%s', t.tile, t.count), ' ' ORDER BY t.tile) FROM (
              SELECT leaf_index >> 8, count(*) FROM audit.seals WHERE tenant_id = 'tap-a' GROUP BY 1) AS t (tile, count)),
    '1:256 3:256 4:77', 'two tiles have folded, and a statement follows the 1,100');
INSERT INTO hash SELECT leaf_index, leaf_hash FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index >= 1100;
SELECT pg_temp.sign('tap-a') AS note \gset
CREATE FUNCTION pg_temp.known(p_size bigint) RETURNS bytea[] LANGUAGE sql AS $$ SELECT array_agg(leaf_hash ORDER BY leaf_index) FROM hash WHERE leaf_index < p_size $$;

SELECT is(audit.root_of_size('tap-a', 1, size), pg_temp.mth(pg_temp.known(size)), format('the root of the signed size %s', size))
FROM (VALUES (300), (900), (1100), (1101)) AS s (size);
SELECT is((SELECT count(*) FROM audit.checkpoints WHERE tenant_id = 'tap-a' AND root = pg_temp.mth(pg_temp.known(size))), 4::bigint, 'all of them are what was signed');
SELECT is(audit.consistency_path('tap-a', 1, m, n),
    ROW(pg_temp.mth(pg_temp.known(m)), pg_temp.mth(pg_temp.known(n)), pg_temp.subproof(m, pg_temp.known(n), true)), format('the consistency proof from %s to %s', m, n))
FROM (VALUES (300, 900), (300, 1100), (300, 1101), (900, 1100), (900, 1101), (1100, 1101)) AS s (m, n);
SELECT is((SELECT count(*) FROM audit.seals WHERE tenant_id = 'tap-a' AND record_id IS NOT NULL), 83::bigint, 'of 83 records that are left');
SELECT is_empty(
    $$SELECT s.leaf_index, c.size FROM audit.seals AS s JOIN audit.checkpoints AS c USING (tenant_id, epoch)
      CROSS JOIN LATERAL audit.inclusion_path('tap-a', 1, s.leaf_index, c.size) AS path
      WHERE s.tenant_id = 'tap-a' AND s.record_id IS NOT NULL AND s.leaf_index % 20 IN (0, 19) AND c.size > s.leaf_index
        AND path IS DISTINCT FROM ROW(c.root, pg_temp.path(s.leaf_index::int, pg_temp.known(c.size)))$$,
    'each has its inclusion proof in every tree that holds it');
-- A statement has one too, and so has a pruned leaf whose tile has not folded.
SELECT is(audit.inclusion_path('tap-a', 1, m, n), ROW(pg_temp.mth(pg_temp.known(n)), pg_temp.path(m, pg_temp.known(n))), said)
FROM (VALUES (1100, 1101, 'the statement has one'), (299, 300, 'so has a leaf that was pruned where its tile stays'), (256, 1101, 'also in the newest tree')) AS l (m, n, said);

-- What is refused, with its reason: a proof that needs leaves of a folded tile.
SELECT throws_ok(format('SELECT audit.%s', call), 'RF012', 'the leaves that this proof needs are pruned', call)
FROM (VALUES ('root_of_size(''tap-a'', 1, 255)'), ('root_of_size(''tap-a'', 1, 1)'), ('root_of_size(''tap-a'', 1, 600)'),
             ('consistency_path(''tap-a'', 1, 255, 300)'), ('consistency_path(''tap-a'', 1, 300, 600)'), ('inclusion_path(''tap-a'', 1, 10, 300)')) AS c (call);
SELECT lives_ok(format('SELECT audit.root_of_size(''tap-a'', 1, %s)', size), format('the root of %s leaves takes none of those', size))
FROM (VALUES (256), (299), (512), (768), (800), (1099)) AS s (size);

-- As the tenant: by name and with a key.
SELECT lpad(to_hex(500), 32, '0')::uuid AS kept_id, lpad(to_hex(10), 32, '0')::uuid AS pruned_id \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT audit.get_inclusion_proof(:'kept_id') AS proof \gset
SELECT matches(:'proof'::text, '^c2sp\.org/tlog-proof@v1\nindex 499\n', 'a record that is left has its proof');
SELECT is(concat_ws('|', pg_temp.answer(format('audit.get_inclusion_proof(%L)', :'pruned_id')), pg_temp.answer(format('audit.get_leaf(%L)', :'pruned_id')),
    pg_temp.answer(format('audit.get_audit_log(%L)', :'pruned_id'))), 'NULL|NULL|NULL', 'one that was pruned is no record of the tenant any more');
SELECT is(pg_temp.answer('audit.get_consistency_proof(300, 600)'), 'RF012|the leaves that this proof needs are pruned', 'the tenant is told why a proof cannot be');
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key') \gset
SELECT is(audit.get_inclusion_proof(:'kept_id'), :'proof', 'with a key it is the same proof');
SELECT is(pg_temp.answer('audit.get_consistency_proof(300, 600)'), 'RF012|the leaves that this proof needs are pruned', 'and the same refusal');
RESET SESSION AUTHORIZATION;

-- The tree goes on.
SELECT pg_temp.kept_many('tap-a', 1101, 1500, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-a') \gset
INSERT INTO hash SELECT leaf_index, leaf_hash FROM audit.seals WHERE tenant_id = 'tap-a' AND leaf_index > 1100;
SELECT is(audit.consistency_path('tap-a', 1, m, 1501), ROW(pg_temp.mth(pg_temp.known(m)), pg_temp.mth(pg_temp.known(1501)), pg_temp.subproof(m, pg_temp.known(1501), true)),
    format('from %s it has grown to 1,501', m)) FROM (VALUES (300), (900), (1101)) AS s (m);

SELECT * FROM finish();
ROLLBACK;
