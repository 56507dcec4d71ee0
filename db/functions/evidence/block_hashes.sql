-- A run of stored hashes of one level, 32 bytes each, from the left: the only way in which leaves and nodes are read for proofs. Level k has
-- the hashes of subtrees of 256^k leaves; level 0 is the leaves. One statement for up to 256 of them: with a key, each statement checks
-- the proof of the tenant anew, and takes longer for that than for the reading.

CREATE OR REPLACE FUNCTION audit.block_hashes(p_tenant_id text, p_epoch int, p_level int, p_first bigint, p_end bigint)
RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why: down the primary key, whatever the planner believes about the table.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_hashes bytea;
BEGIN
    IF p_level = 0 THEN
        SELECT string_agg(s.leaf_hash, ''::bytea)
        INTO v_hashes
        FROM (
            SELECT leaf_hash FROM audit.seals
            WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND leaf_index >= p_first AND leaf_index < p_end
            ORDER BY leaf_index) AS s;
    ELSE
        SELECT string_agg(n.hash, ''::bytea)
        INTO v_hashes
        FROM (
            SELECT hash FROM audit.seal_nodes
            WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND level = p_level
              AND node_index >= p_first AND node_index < p_end
            ORDER BY node_index) AS n;
    END IF;
    IF coalesce(octet_length(v_hashes), 0) <> 32 * (p_end - p_first) THEN
        -- Where all of a tile are pruned its leaves are gone together, and the node is there.
        IF p_level = 0 AND EXISTS (
                SELECT FROM audit.seal_nodes AS n
                WHERE n.tenant_id = p_tenant_id AND n.epoch = p_epoch AND n.level = 1 AND n.node_index = p_first >> 8)
           AND NOT EXISTS (
                SELECT FROM audit.seals AS t
                WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch
                  AND t.leaf_index >= p_first >> 8 << 8 AND t.leaf_index < (p_first >> 8) + 1 << 8) THEN
            RAISE EXCEPTION 'the leaves that this proof needs are pruned' USING ERRCODE = 'RF012',
                DETAIL = format('epoch %s has no leaf from %s to %s', p_epoch, p_first, p_end - 1),
                HINT = 'Sizes that were signed stay provable. Ask for one of those.';
        END IF;
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009',
            DETAIL = format('epoch %s lacks hashes of level %s from %s to %s', p_epoch, p_level, p_first, p_end - 1);
    END IF;
    RETURN coalesce(v_hashes, '');
END
$$;

COMMENT ON FUNCTION audit.block_hashes IS
    'The stored hashes of a level from p_first to p_end - 1, one after the other. RF009 when one of them is missing, RF012 '
    'when they were pruned. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.block_hashes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.block_hashes TO audit_trusted;
