-- The size of a tree that agrees with itself. What is compared is what an append builds on: the frontier with size and root, the last
-- leaf with the size, and each subtree of the frontier that is stored also as a leaf or a node.

CREATE OR REPLACE FUNCTION audit.intact_size(p_tenant_id text, p_epoch int)
RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
-- PostgreSQL before 18 lets what is off cost so much that it would compile the statement.
SET jit = off
AS $$
DECLARE
    v_tree record;
BEGIN
    SELECT t.size, t.root, t.frontier INTO STRICT v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch;

    IF octet_length(v_tree.frontier) <> 32 * bit_count(int8send(v_tree.size))
       OR v_tree.root <> audit.tree_root(v_tree.frontier)
       OR v_tree.size <> coalesce((
            SELECT s.leaf_index + 1 FROM audit.seals AS s
            WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch ORDER BY s.leaf_index DESC LIMIT 1), 0)
       -- Bit 8k of the size is a subtree of 256^k leaves; in the frontier it stands after those of all higher bits.
       OR EXISTS (
            SELECT FROM generate_series(0, 7) AS k
            CROSS JOIN LATERAL (SELECT substr(v_tree.frontier, (32 * bit_count(int8send(v_tree.size >> (8 * k + 1))))::int + 1, 32),
                                       (v_tree.size >> (8 * k)) - 1) AS subtree (hash, place)
            WHERE (v_tree.size >> (8 * k)) % 2 = 1
              AND subtree.hash IS DISTINCT FROM CASE k
                  WHEN 0 THEN (SELECT s.leaf_hash FROM audit.seals AS s
                               WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch AND s.leaf_index = subtree.place)
                  ELSE (SELECT n.hash FROM audit.seal_nodes AS n
                        WHERE n.tenant_id = p_tenant_id AND n.epoch = p_epoch AND n.level = k AND n.node_index = subtree.place) END)
    THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009';
    END IF;
    RETURN v_tree.size;
END
$$;

COMMENT ON FUNCTION audit.intact_size IS
    'How many leaves a tree has. RF009 when its frontier, size, root, last leaf and nodes do not agree: somebody has changed one of '
    'them. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.intact_size FROM PUBLIC;
