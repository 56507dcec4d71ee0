-- Proves: a tree's root, frontier and nodes are those of RFC 6962, whatever the sizes in which it grew.

BEGIN;
SELECT plan(27);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a') \gset

-- The published leaves and roots of the tests of Certificate Transparency.
CREATE TEMPORARY TABLE published (size int, leaf bytea, root text);
INSERT INTO published VALUES
    (1, '', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'),
    (2, '\x00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'),
    (3, '\x10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'),
    (4, '\x2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'),
    (5, '\x3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'),
    (6, '\x40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'),
    (7, '\x5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'),
    (8, '\x606162636465666768696a6b6c6d6e6f', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
SELECT is(encode(audit.tree_root(''), 'hex'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'the root of an empty tree');
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-a', 1, 0, audit.tree_root(''), '', now());
CREATE FUNCTION pg_temp.grow(p_epoch int, p_hashes bytea) RETURNS text LANGUAGE sql AS $$
    SELECT audit.append_leaves('tap-a', p_epoch, p_hashes);
    SELECT encode(t.root, 'hex') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = p_epoch
$$;
SELECT is(pg_temp.grow(1, sha256('\x00'::bytea || p.leaf)), p.root, format('the published root of %s leaves', p.size)) FROM published AS p ORDER BY p.size;
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-a', 2, 0, audit.tree_root(''), '', now());
SELECT is(pg_temp.grow(2, (SELECT string_agg(sha256('\x00'::bytea || p.leaf), ''::bytea ORDER BY p.size) FROM published AS p)),
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328', 'the same of eight at once');

-- Sizes below, at and above 256 and its multiples, and steps that begin and end anywhere.
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-a', 3, 0, audit.tree_root(''), '', now());
CREATE TEMPORARY TABLE leaf AS SELECT n, sha256(int4send(n)) AS hash FROM generate_series(0, 65999) AS n;
CREATE FUNCTION pg_temp.to_size(p_size int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.grow(3, (SELECT string_agg(l.hash, ''::bytea ORDER BY l.n) FROM leaf AS l
        WHERE l.n >= (SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = 'tap-a' AND t.epoch = 3) AND l.n < p_size))
$$;
SELECT is(pg_temp.to_size(size), (
        SELECT encode(pg_temp.merkle_root(array_agg(l.hash ORDER BY l.n)), 'hex') FROM leaf AS l WHERE l.n < size),
    format('%s leaves, by the definition', size))
FROM (VALUES (1), (255), (256), (257), (511), (512), (1000), (5003)) AS s (size);
SELECT pg_temp.to_size(66000) \gset
SELECT is((SELECT octet_length(t.frontier) FROM audit.trees AS t WHERE t.epoch = 3 AND t.tenant_id = 'tap-a'), 32 * 5,
    'the frontier has a hash for each bit of the size: 66,000 has five');
SELECT is((SELECT array_agg(count ORDER BY level) FROM (
        SELECT n.level, count(*) FROM audit.seal_nodes AS n WHERE n.tenant_id = 'tap-a' AND n.epoch = 3 GROUP BY n.level) AS c (level, count)),
    ARRAY[257::bigint, 1], 'a node for each complete subtree of 256 leaves, and of 65,536');
SELECT is(n.hash, pg_temp.merkle_root((
        SELECT array_agg(l.hash ORDER BY l.n) FROM leaf AS l WHERE l.n >= n.node_index * 256 AND l.n < (n.node_index + 1) * 256)),
    format('node %s has the root of its leaves', n.node_index))
FROM audit.seal_nodes AS n WHERE n.tenant_id = 'tap-a' AND n.epoch = 3 AND n.level = 1 AND n.node_index IN (0, 1, 19, 255, 256)
ORDER BY n.node_index;
SELECT is(n.hash, pg_temp.merkle_root((
        SELECT array_agg(below.hash ORDER BY below.node_index) FROM audit.seal_nodes AS below
        WHERE below.tenant_id = 'tap-a' AND below.epoch = 3 AND below.level = 1 AND below.node_index < 256)),
    'the one above has the root of 256 of them')
FROM audit.seal_nodes AS n WHERE n.tenant_id = 'tap-a' AND n.epoch = 3 AND n.level = 2;
SELECT is(t.root, sha256('\x01'::bytea || n.hash || pg_temp.merkle_root((SELECT array_agg(l.hash ORDER BY l.n) FROM leaf AS l
        WHERE l.n >= 65536 AND l.n < 66000))), 'and the root that of 66,000 leaves')
FROM audit.trees AS t JOIN audit.seal_nodes AS n USING (tenant_id, epoch) WHERE t.tenant_id = 'tap-a' AND t.epoch = 3 AND n.level = 2;

SELECT * FROM finish();
ROLLBACK;
