-- The hash of a complete, aligned subtree of a tenant's tree: 2^height leaves, of which the first has the index p_index * 2^height.
-- Every eighth level is stored (audit.seal_nodes, and the leaves themselves), so at most 128 hashes are read, and folded.

CREATE OR REPLACE FUNCTION audit.subtree_hash(p_tenant_id text, p_epoch int, p_height int, p_index bigint)
RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Planned once a session: every value gives the same plan, the way down the primary key, whatever the planner believes about the table.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_level  int := p_height / 8;
    v_count  int := 1 << (p_height % 8);   -- hashes of that level
    v_first  bigint := p_index << (p_height % 8);
    v_hashes bytea;                        -- 32 bytes each, from the left
BEGIN
    IF v_level = 0 THEN
        SELECT string_agg(s.leaf_hash, ''::bytea)
        INTO v_hashes
        FROM (
            SELECT leaf_hash FROM audit.seals
            WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND leaf_index >= v_first AND leaf_index < v_first + v_count
            ORDER BY leaf_index) AS s;
    ELSE
        SELECT string_agg(n.hash, ''::bytea)
        INTO v_hashes
        FROM (
            SELECT hash FROM audit.seal_nodes
            WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND level = v_level
              AND node_index >= v_first AND node_index < v_first + v_count
            ORDER BY node_index) AS n;
    END IF;
    IF octet_length(v_hashes) IS DISTINCT FROM 32 * v_count THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009',
            DETAIL = format('epoch %s lacks hashes of level %s from %s to %s', p_epoch, v_level, v_first, v_first + v_count - 1);
    END IF;

    WHILE v_count > 1 LOOP
        v_count := v_count / 2;
        SELECT string_agg(sha256(decode('01', 'hex') || substr(v_hashes, 1 + 64 * pair, 64)), ''::bytea)
        INTO v_hashes
        FROM generate_series(0, v_count - 1) AS pair;
    END LOOP;
    RETURN v_hashes;
END
$$;

COMMENT ON FUNCTION audit.subtree_hash IS
    'RFC 6962 hash of the 2^p_height leaves from p_index * 2^p_height on. RF009 when the stored tree lacks one of the hashes that it '
    'takes. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.subtree_hash FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.subtree_hash TO audit_trusted;
