-- Proves: roots, inclusion paths and consistency paths are those of RFC 6962: the published roots of Certificate Transparency's eight test
-- leaves, and by the formula for every size from 1 to 24, every leaf and every smaller size; that complete subtrees of 256 leaves come from
-- their node; that a hash which is missing is an error; and that another tenant's and another epoch's hashes are not used.

BEGIN;
SELECT plan(28);

\ir ../support/gateway.sql
\ir ../support/trees.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-ct') \gset

-- Certificate Transparency's leaves and the roots of the first 1 to 8 of them.
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES ('tap-ct', 1, 8, sha256(''), '', now());
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line)
SELECT 'tap-ct', 1, position - 1, sha256('\x00'::bytea || leaf), 'of Certificate Transparency'
FROM unnest(ARRAY['\x', '\x00', '\x10', '\x2021', '\x3031', '\x40414243', '\x5051525354555657',
                  '\x606162636465666768696a6b6c6d6e6f']::bytea[]) WITH ORDINALITY AS l (leaf, position);
SELECT is(encode(audit.root_of_size('tap-ct', 1, size), 'hex'), root, format('the published root of %s leaves', size))
FROM unnest(ARRAY[
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328']) WITH ORDINALITY AS r (root, number)
CROSS JOIN LATERAL (SELECT number - 1) AS s (size);

-- Two tenants' trees, and two epochs, that have nothing in common.
SELECT pg_temp.grow('tap-b', 1, 3), pg_temp.grow('tap-a', 1, 600), pg_temp.grow('tap-a', 2, 5) \gset

INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash)
VALUES ('tap-b', 1, 1, 0, sha256('other')), ('tap-a', 2, 1, 0, sha256('other')), ('tap-a', 1, 2, 0, sha256('other'));

SELECT is_empty(
    $$SELECT size, m FROM generate_series(1, 24) AS size CROSS JOIN generate_series(0, size - 1) AS m
      CROSS JOIN LATERAL (SELECT pg_temp.leaf_hashes('tap-a', 1, size)) AS d (leaves)
      CROSS JOIN LATERAL audit.inclusion_path('tap-a', 1, m, size) AS path
      WHERE path IS DISTINCT FROM ROW(pg_temp.mth(d.leaves), pg_temp.path(m, d.leaves))$$,
    'each leaf of each tree of up to 24 leaves has the inclusion path and the root of the formula');
SELECT is_empty(
    $$SELECT size, m FROM generate_series(1, 24) AS size CROSS JOIN generate_series(1, size) AS m
      CROSS JOIN LATERAL (SELECT pg_temp.leaf_hashes('tap-a', 1, size)) AS d (leaves)
      CROSS JOIN LATERAL audit.consistency_path('tap-a', 1, m, size) AS path
      WHERE path IS DISTINCT FROM ROW(pg_temp.mth(d.leaves[:m]), pg_temp.mth(d.leaves), pg_temp.subproof(m, d.leaves, true))$$,
    'each two of them have the consistency path and the roots of the formula');
-- Where nodes begin to be used.
SELECT is(audit.inclusion_path('tap-a', 1, m, size), ROW(pg_temp.mth(d.leaves), pg_temp.path(m, d.leaves)),
    format('leaf %s of %s has the path of the formula', m, size))
FROM (VALUES (0, 256), (255, 257), (256, 257), (300, 513), (10, 600), (511, 512)) AS leaf (m, size)
CROSS JOIN LATERAL (SELECT pg_temp.leaf_hashes('tap-a', 1, size)) AS d (leaves);
SELECT is(audit.consistency_path('tap-a', 1, m, size),
    ROW(pg_temp.mth(d.leaves[:m]), pg_temp.mth(d.leaves), pg_temp.subproof(m, d.leaves, true)),
    format('from %s to %s leads the path of the formula', m, size))
FROM (VALUES (255, 600), (256, 257), (257, 512), (512, 600)) AS sizes (m, size)
CROSS JOIN LATERAL (SELECT pg_temp.leaf_hashes('tap-a', 1, size)) AS d (leaves);

-- What is not stored.
SELECT audit.root_of_size('tap-a', 1, 512) AS root_of_512 \gset
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND epoch = 1 AND leaf_index < 256;
SELECT is(audit.root_of_size('tap-a', 1, 512), :'root_of_512', 'a complete subtree of 256 leaves is read as its node');
SELECT throws_ok($$SELECT audit.root_of_size('tap-a', 1, 255)$$, 'RF012', 'the leaves that this proof needs are pruned',
    'where all leaves of a subtree that has a node are missing, they are pruned');
DELETE FROM audit.seals WHERE tenant_id = 'tap-a' AND epoch = 1 AND leaf_index IN (256, 300);
SELECT throws_ok($$SELECT audit.root_of_size('tap-a', 1, 511)$$, 'RF009', 'the tree contradicts itself', 'where some are missing, an error');
SELECT throws_ok($$SELECT audit.root_of_size('tap-b', 1, 4)$$, 'RF009', 'the tree contradicts itself', 'also where one is');
DELETE FROM audit.seal_nodes WHERE tenant_id = 'tap-a' AND node_index = 1;
SELECT throws_ok($$SELECT audit.root_of_size('tap-a', 1, 512)$$, 'RF009', 'the tree contradicts itself', 'and where a node is');

-- As a tenant, who sees its own alone.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-b') \gset
SELECT isnt(audit.root_of_size('tap-b', 1, 3), NULL, 'a tenant computes the root of its own tree');
SELECT throws_ok($$SELECT audit.root_of_size('tap-ct', 1, 3)$$, 'RF009', NULL, 'and finds no hash of another');

SELECT * FROM finish();
ROLLBACK;
