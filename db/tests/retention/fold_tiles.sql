-- Proves: the leaves of a tile of 256 are deleted when all of them are pruned, and stay where one is not, where a signed tree ends in the tile, above the
-- last signed size, at the end of the tree, where their common hash is missing, and in another tenant or epoch.

BEGIN;
SELECT plan(30);
\ir ../support/kept.sql
\ir ../support/trees.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
-- Five tiles, the last of 6 leaves; the same of another tenant, and a smaller tree of the next epoch.
SELECT pg_temp.grow('tap-a', 1, 1030), pg_temp.grow('tap-b', 1, 1030), pg_temp.grow('tap-a', 2, 300) \gset
UPDATE audit.seals SET record_id = gen_random_uuid(), salt = sha256(''), line = NULL WHERE tenant_id LIKE 'tap-%' AND (epoch, leaf_index) <> (2, 0);
INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
SELECT tenant_id, epoch, size, sha256(''), 'note', now() FROM (VALUES ('tap-a', 1, 1030), ('tap-a', 2, 300), ('tap-b', 1, 1030)) AS c (tenant_id, epoch, size);

CREATE FUNCTION pg_temp.tiles(p_tenant_id text, p_epoch int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(found.count, 0)::text, ' ' ORDER BY tile)
    FROM generate_series(0, (SELECT size - 1 FROM audit.trees WHERE tenant_id = p_tenant_id AND epoch = p_epoch) / 256) AS tile
    LEFT JOIN (SELECT leaf_index >> 8 AS tile, count(*) FROM audit.seals WHERE tenant_id = p_tenant_id AND epoch = p_epoch GROUP BY 1) AS found USING (tile)
$$;
-- After a change, and when these leaves are pruned, how many leaves each tile has; all of it undone.
CREATE FUNCTION pg_temp.folded(p_change text, p_first int, p_last int, p_epoch int DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_refused text;
BEGIN
    EXECUTE p_change;
    v_refused := pg_temp.as_keeper('tap-a', format(
        'audit.fold_tiles(''tap-a'', array_agg(%s), array_agg(n::bigint ORDER BY n)) FROM generate_series(%s, %s) AS n', p_epoch, p_first, p_last));
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = CASE v_refused WHEN '' THEN pg_temp.tiles('tap-a', p_epoch) ELSE v_refused END
        || CASE WHEN pg_temp.tiles('tap-b', 1) <> '256 256 256 256 6' OR p_epoch = 1 AND pg_temp.tiles('tap-a', 2) <> '256 44'
                  OR p_epoch = 2 AND pg_temp.tiles('tap-a', 1) <> '256 256 256 256 6' THEN ' and others' ELSE '' END;
EXCEPTION WHEN SQLSTATE 'TAP00' THEN
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.folded('SELECT', 0, 1029), '0 0 0 0 6', 'where all leaves are pruned, each whole tile goes, and those that are none stay');
SELECT is(pg_temp.folded('SELECT', 256, 511), '256 0 256 256 6', 'one tile by itself');
SELECT is(pg_temp.folded('SELECT', 255, 512), '256 0 256 256 6', 'with one leaf of each of its neighbours');
SELECT is(pg_temp.folded('SELECT', 256, 510), '256 256 256 256 6', 'not without its last leaf');
SELECT is(pg_temp.folded('SELECT', 257, 511), '256 256 256 256 6', 'nor without its first');
\set others 'UPDATE audit.seals SET record_id = NULL, salt = NULL WHERE tenant_id = ''tap-a'' AND epoch = 1 AND leaf_index '
SELECT is(pg_temp.folded(:'others' || '< 768', 768, 768), '256 256 256 256 6', 'tiles without one of the leaves that are pruned now are left alone');
SELECT is(pg_temp.folded(:'others' || 'BETWEEN 256 AND 510', 511, 511), '256 0 256 256 6', 'the last leaf of a tile whose others were pruned before');
SELECT is(pg_temp.folded(:'others' || 'BETWEEN 256 AND 509', 511, 511), '256 256 256 256 6', 'not where another still has its record');
SELECT is(pg_temp.folded(:'others' || 'BETWEEN 256 AND 509; UPDATE audit.seals SET salt = NULL, private_sha256 = sha256('''') '
    'WHERE tenant_id = ''tap-a'' AND epoch = 1 AND leaf_index = 510', 511, 511), '256 256 256 256 6', 'also when that one is erased');
SELECT is(pg_temp.folded(:'others' || 'BETWEEN 256 AND 509; UPDATE audit.seals SET record_id = NULL, salt = NULL, line = ''statement'' '
    'WHERE tenant_id = ''tap-a'' AND epoch = 1 AND leaf_index = 510', 511, 511), '256 256 256 256 6', 'nor where another is a statement');

-- Signed sizes.
\set sign 'INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at) VALUES '
SELECT is(pg_temp.folded(:'sign' || format('(''tap-a'', 1, %s, sha256(''''), ''note'', now())', size), 256, 511), tiles, format('with a checkpoint of %s leaves', size))
FROM (VALUES (255, '256 0 256 256 6'), (256, '256 0 256 256 6'), (257, '256 256 256 256 6'), (511, '256 256 256 256 6'), (512, '256 0 256 256 6'), (513, '256 0 256 256 6'))
    AS c (size, tiles);
SELECT is(pg_temp.folded(:'sign' || '(''tap-b'', 1, 300, sha256(''''), ''note'', now()), (''tap-a'', 2, 200, sha256(''''), ''note'', now())', 0, 1029), '0 0 0 0 6',
    'checkpoints of another tenant or epoch keep nothing');
SELECT is(pg_temp.folded(format('UPDATE audit.checkpoints SET size = %s WHERE tenant_id = ''tap-a'' AND epoch = 1', size), 0, 1029), tiles, format('the last signed size is %s', size))
FROM (VALUES (767, '0 0 256 256 6'), (768, '0 0 0 256 6'), (1024, '0 0 0 0 6')) AS c (size, tiles);
SELECT is(pg_temp.folded('DELETE FROM audit.checkpoints WHERE tenant_id = ''tap-a'' AND epoch = 1', 0, 1029), '256 256 256 256 6', 'nothing is signed');

-- The end of the tree.
\set cut 'DELETE FROM audit.seals WHERE tenant_id = ''tap-a'' AND epoch = 1 AND leaf_index >= '
SELECT is(pg_temp.folded(:'cut' || '1024; UPDATE audit.trees SET size = 1024 WHERE tenant_id = ''tap-a'' AND epoch = 1; '
    'UPDATE audit.checkpoints SET size = 1024 WHERE tenant_id = ''tap-a'' AND epoch = 1', 0, 1023), '0 0 0 256', 'the tile that the tree ends with stays, since it grows on its last leaf');
SELECT is(pg_temp.folded(:'cut' || '1025; UPDATE audit.trees SET size = 1025 WHERE tenant_id = ''tap-a'' AND epoch = 1; '
    'UPDATE audit.checkpoints SET size = 1025 WHERE tenant_id = ''tap-a'' AND epoch = 1', 0, 1023), '0 0 0 0 1', 'with a leaf after it, it goes');

-- The common hash.
SELECT is(pg_temp.folded('DELETE FROM audit.seal_nodes WHERE tenant_id = ''tap-a'' AND epoch = 1 AND node_index = 1', 0, 1029), '0 256 0 0 6', 'a tile whose hash is missing stays');
SELECT is(pg_temp.folded('UPDATE audit.seal_nodes SET level = 2 WHERE tenant_id = ''tap-a'' AND epoch = 1 AND node_index = 1', 0, 1029), '0 256 0 0 6', 'also where there is one of another level');

-- Epochs.
SELECT is(pg_temp.folded('SELECT', 1, 255, 2), '256 44', 'a tile with the statement of its epoch stays');
CREATE FUNCTION pg_temp.known(p_previous int, p_size int) RETURNS text LANGUAGE sql AS $$
    SELECT format('UPDATE audit.seals SET line = %L WHERE tenant_id = ''tap-a'' AND epoch = 2 AND leaf_index = 0',
                  format('{"epoch":2,"previous_epoch":%s,"known_size":%s,"known_root":"00"}', p_previous, p_size))
$$;
SELECT is(pg_temp.folded(pg_temp.known(1, 300), 0, 1029), '0 256 0 0 6', 'so does the tile in which a tree ended whose checkpoint was lost: the next epoch names it');
SELECT is(pg_temp.folded(pg_temp.known(1, 512), 0, 1029), '0 0 0 0 6', 'not where it ended between two tiles');
SELECT is(pg_temp.folded(pg_temp.known(3, 300), 0, 1029), '0 0 0 0 6', 'nor where it was that of another epoch');

SELECT is(pg_temp.as_retention('audit.fold_tiles(''tap-a'', ARRAY[1], ARRAY[1::bigint])'), '42501 permission denied for function fold_tiles', 'the job does not call it');

SELECT * FROM finish();
ROLLBACK;
