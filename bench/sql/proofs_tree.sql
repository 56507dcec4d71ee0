-- A tree of bench.leaves leaves of tenant `tree`, filled by hand: one leaf in 9,973 is a record's, so that proofs can be asked for by its
-- id. Its last 1,000 leaves are sealed and not signed yet.

SELECT audit.create_tenant('tree');
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at)
VALUES ('tree', 1, current_setting('bench.leaves')::bigint, sha256(''), '', now());
INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, record_id, salt, line)
SELECT 'tree', 1, n, sha256(int8send(n)), CASE WHEN n % 9973 = 0 THEN md5(n::text)::uuid END, CASE WHEN n % 9973 = 0 THEN sha256('salt') END,
       CASE WHEN n % 9973 <> 0 THEN 'line' END
FROM generate_series(0, current_setting('bench.leaves')::bigint - 1) AS n;
INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash)
SELECT 'tree', 1, 1, n, sha256('\x01'::bytea || audit.subtree_hash('tree', 1, 7, 2 * n) || audit.subtree_hash('tree', 1, 7, 2 * n + 1))
FROM generate_series(0, current_setting('bench.leaves')::bigint / 256 - 1) AS n;
INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash)
SELECT 'tree', 1, 2, n, sha256('\x01'::bytea || audit.subtree_hash('tree', 1, 15, 2 * n) || audit.subtree_hash('tree', 1, 15, 2 * n + 1))
FROM generate_series(0, current_setting('bench.leaves')::bigint / 65536 - 1) AS n;
INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
SELECT 'tree', 1, current_setting('bench.leaves')::bigint - 1000, audit.root_of_size('tree', 1, current_setting('bench.leaves')::bigint - 1000), 'note', now();
ANALYZE audit.seals;
ANALYZE audit.seal_nodes;
