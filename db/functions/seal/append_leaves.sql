-- Appends leaves to a tree: stores the hashes of the subtrees of 256^k leaves that become complete, and the new frontier and root. The
-- tree is climbed level by level, one statement each; no leaf from before is read.

CREATE OR REPLACE FUNCTION audit.append_leaves(p_tenant_id text, p_epoch int, p_hashes bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_size  bigint;
    v_left  bytea;              -- subtrees from before that no new leaf has joined so far
    v_level bytea := p_hashes;  -- the new nodes of this level, without a gap
    v_right bytea := '';        -- what is left alone at the end of the levels below
    v_first bigint;             -- the index of the first node in v_level
    v_count int;
    v_depth int := 0;
BEGIN
    SELECT t.size, t.frontier INTO STRICT v_size, v_left
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch;
    v_first := v_size;

    WHILE octet_length(v_level) > 0 LOOP
        IF v_depth > 0 AND v_depth % 8 = 0 THEN
            INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash)
            SELECT p_tenant_id, p_epoch, v_depth / 8, v_first + n, substr(v_level, 32 * n + 1, 32)
            FROM generate_series(0, octet_length(v_level) / 32 - 1) AS n;
        END IF;
        -- An odd first node is a right child: its left sibling is the last subtree from before.
        IF v_first % 2 = 1 THEN
            v_level := substr(v_left, octet_length(v_left) - 31) || v_level;
            v_left := substr(v_left, 1, octet_length(v_left) - 32);
        END IF;
        v_count := octet_length(v_level) / 32;
        IF v_count % 2 = 1 THEN
            v_right := substr(v_level, 32 * v_count - 31) || v_right;
        END IF;
        v_level := coalesce((
            SELECT string_agg(sha256(decode('01', 'hex') || substr(v_level, 64 * n + 1, 64)), ''::bytea ORDER BY n)
            FROM generate_series(0, v_count / 2 - 1) AS n), '');
        v_first := v_first / 2;
        v_depth := v_depth + 1;
    END LOOP;

    UPDATE audit.trees AS t
    SET size = v_size + octet_length(p_hashes) / 32, frontier = v_left || v_right, root = audit.tree_root(v_left || v_right)
    WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch;
END
$$;

COMMENT ON FUNCTION audit.append_leaves IS
    'Lets a tree grow by leaves of these hashes, 32 bytes each: its size, root, frontier and the rows of audit.seal_nodes. The caller '
    'has locked the tree and writes the leaves themselves. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.append_leaves FROM PUBLIC;
