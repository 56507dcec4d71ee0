-- The hash of leaves that RFC 6962 makes a subtree of some size: p_first is a multiple of the smallest power of two that is not smaller
-- than their number. Such a range is complete subtrees, each smaller than the one before, and there are at most 63 of them.

CREATE OR REPLACE FUNCTION audit.range_hash(p_tenant_id text, p_epoch int, p_first bigint, p_end bigint)
RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_at     bigint := p_first;
    v_height int := 62;
    v_hashes bytea := '';   -- of those subtrees, 32 bytes each, from the left
BEGIN
    WHILE v_at < p_end LOOP
        WHILE (1::bigint << v_height) > p_end - v_at LOOP
            v_height := v_height - 1;
        END LOOP;
        v_hashes := v_hashes || audit.subtree_hash(p_tenant_id, p_epoch, v_height, v_at >> v_height);
        v_at := v_at + (1::bigint << v_height);
    END LOOP;
    RETURN audit.tree_root(v_hashes);
END
$$;

COMMENT ON FUNCTION audit.range_hash IS
    'RFC 6962 hash (MTH) of the leaves from p_first to p_end - 1, as they stand in a tree of at least p_end leaves; from 0 it is the root of '
    'the tree of p_end leaves. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.range_hash FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.range_hash TO audit_trusted;
