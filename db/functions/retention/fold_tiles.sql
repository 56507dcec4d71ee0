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
DECLARE
    v_epoch  int;
    v_leaves bigint[];  -- of this epoch
    v_until  bigint;    -- tiles that end there may go
    v_known  bigint[];  -- sizes that were signed, and the checkpoint lost in a failover
    v_firsts bigint[];  -- the first leaf of each tile that goes
    v_first  bigint;
BEGIN
    FOREACH v_epoch IN ARRAY ARRAY(SELECT DISTINCT epoch FROM unnest(p_epochs) AS epoch) LOOP
        v_leaves := ARRAY(SELECT leaf.index FROM unnest(p_epochs, p_leaves) AS leaf (epoch, index) WHERE leaf.epoch = v_epoch);
        -- Below the last leaf, on which the tree grows, and below what was signed: the signer goes on from there.
        v_until := least(
            (SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = v_epoch) - 1,
            coalesce((SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = p_tenant_id AND c.epoch = v_epoch), 0));
        -- In the statement of a later epoch, as in audit.begin_evidence().
        v_known := ARRAY(
            SELECT substring(n.line FROM '"known_size":([0-9]{1,18}),')::bigint FROM audit.seals AS n
            WHERE n.tenant_id = p_tenant_id AND n.epoch > v_epoch AND n.leaf_index = 0 AND n.line LIKE concat('%"previous_epoch":', v_epoch, ',%'));
        -- OFFSET 0: each tile is looked at by itself.
        SELECT array_agg(touched.first) INTO v_firsts
        FROM (
            SELECT index >> 8 << 8 AS first, (index >> 8 << 8) + 256 AS beyond, count(*) AS given
            FROM unnest(v_leaves) AS index GROUP BY index >> 8) AS touched
        CROSS JOIN LATERAL (
            SELECT touched.given = 256 OR touched.given + (
                SELECT count(*) FROM audit.seals AS s
                WHERE s.tenant_id = p_tenant_id AND s.epoch = v_epoch AND s.leaf_index >= touched.first AND s.leaf_index < touched.beyond
                  AND s.record_id IS NULL AND s.line IS NULL) = 256 AS are_pruned OFFSET 0) AS leaves
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT FROM audit.seal_nodes AS n
                WHERE n.tenant_id = p_tenant_id AND n.epoch = v_epoch AND n.level = 1 AND n.node_index = touched.first >> 8) AS is_there OFFSET 0) AS node
        CROSS JOIN LATERAL (
            SELECT EXISTS (
                SELECT FROM audit.checkpoints AS c
                WHERE c.tenant_id = p_tenant_id AND c.epoch = v_epoch AND c.size > touched.first AND c.size < touched.beyond) AS is_inside OFFSET 0) AS signed
        WHERE touched.beyond <= v_until AND leaves.are_pruned AND node.is_there AND NOT signed.is_inside
          AND NOT EXISTS (SELECT FROM unnest(v_known) AS size WHERE size > touched.first AND size < touched.beyond);

        -- One by one: a join would go through all leaves of the tenant where the planner takes it for small.
        FOREACH v_first IN ARRAY coalesce(v_firsts, '{}') LOOP
            DELETE FROM audit.seals AS s
            WHERE s.tenant_id = p_tenant_id AND s.epoch = v_epoch AND s.leaf_index >= v_first AND s.leaf_index < v_first + 256;
        END LOOP;
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.fold_tiles IS
    'Deletes the rows of tiles of 256 leaves, those among them that hold one of these leaves, by epoch and index, each once, of which all others '
    'are pruned. The caller has locked the tree, and these leaves still have their records, which it prunes. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.fold_tiles FROM PUBLIC;
SET ROLE audit_owner;
