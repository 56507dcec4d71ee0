-- The right edge of a tree as it was with p_size leaves: its maximal complete subtrees, one for each bit that is set in the size. With
-- them the root of any size is computed, and what of a proof lies beyond the last complete subtree. One statement for every eight levels.

CREATE OR REPLACE FUNCTION audit.tree_edge(p_tenant_id text, p_epoch int, p_size bigint)
RETURNS bytea[]
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_edge   bytea[] := '{}';   -- element height + 1: the complete subtree of 2^height leaves that no larger one holds; NULL: none
    v_height int := 0;
    v_count  bigint := p_size;  -- of complete subtrees of this height
    v_hashes bytea;             -- the last of them, those that the next stored level does not hold
BEGIN
    WHILE v_count > 0 LOOP
        IF v_height % 8 = 0 THEN
            v_hashes := audit.block_hashes(p_tenant_id, p_epoch, v_height / 8, v_count >> 8 << 8, v_count);
        END IF;
        v_edge[v_height + 1] := CASE WHEN v_count % 2 = 1 THEN substr(v_hashes, octet_length(v_hashes) - 31) END;
        v_hashes := audit.parent_hashes(v_hashes);
        v_height := v_height + 1;
        v_count := v_count >> 1;
    END LOOP;
    RETURN v_edge;
END
$$;

COMMENT ON FUNCTION audit.tree_edge IS
    'For a tree of p_size leaves, by height, from the leaves up: the hash of the maximal complete subtree of 2^height leaves; NULL where it has '
    'none. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.tree_edge FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.tree_edge TO audit_trusted;
