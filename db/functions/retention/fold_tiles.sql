-- Deletes the leaves of each tile of 256 that are all pruned: audit.seal_nodes has their common hash, and proofs of other leaves need no
-- more. A tile in which a signed tree ends stays: its leaves are needed to prove that later trees begin with it.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.fold_tiles(p_tenant_id text, p_epochs int[], p_leaves bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
BEGIN
    DELETE FROM audit.seals AS s
    USING (
        SELECT touched.epoch, touched.tile
        FROM (SELECT DISTINCT leaf.epoch, leaf.index >> 8 AS tile FROM unnest(p_epochs, p_leaves) AS leaf (epoch, index)) AS touched
        CROSS JOIN LATERAL (
            SELECT count(*) AS pruned FROM audit.seals AS t
            WHERE t.tenant_id = p_tenant_id AND t.epoch = touched.epoch
              AND t.leaf_index >= touched.tile << 8 AND t.leaf_index < (touched.tile + 1) << 8
              AND t.record_id IS NULL AND t.line IS NULL) AS leaves
        WHERE leaves.pruned = 256
          -- Below the last leaf, on which the tree grows, and below what was signed: the signer goes on from there.
          AND (touched.tile + 1) << 8 < (
                SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = touched.epoch)
          AND (touched.tile + 1) << 8 <= (
                SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = p_tenant_id AND c.epoch = touched.epoch)
          AND EXISTS (
                SELECT FROM audit.seal_nodes AS n
                WHERE n.tenant_id = p_tenant_id AND n.epoch = touched.epoch AND n.level = 1 AND n.node_index = touched.tile)
          AND NOT EXISTS (
                SELECT FROM audit.checkpoints AS c
                WHERE c.tenant_id = p_tenant_id AND c.epoch = touched.epoch
                  AND c.size > touched.tile << 8 AND c.size < (touched.tile + 1) << 8)
          -- A size that was signed and lost in a failover is in the statement of a later epoch, as in audit.begin_evidence().
          AND NOT EXISTS (
                SELECT FROM audit.seals AS n
                CROSS JOIN LATERAL (SELECT substring(n.line FROM '"known_size":([0-9]{1,18}),')::bigint) AS known (size)
                WHERE n.tenant_id = p_tenant_id AND n.epoch > touched.epoch AND n.leaf_index = 0
                  AND n.line LIKE concat('%"previous_epoch":', touched.epoch, ',%')
                  AND known.size > touched.tile << 8 AND known.size < (touched.tile + 1) << 8)
        OFFSET 0) AS gone
    WHERE s.tenant_id = p_tenant_id AND s.epoch = gone.epoch
      AND s.leaf_index >= gone.tile << 8 AND s.leaf_index < (gone.tile + 1) << 8;
END
$$;

COMMENT ON FUNCTION audit.fold_tiles IS
    'Deletes the rows of tiles of 256 leaves, those among them that hold one of these leaves, by epoch and index, of which all are pruned. '
    'The caller has locked the tree. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.fold_tiles FROM PUBLIC;
SET ROLE audit_owner;
