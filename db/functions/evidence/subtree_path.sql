-- The way from a complete subtree up to the root of a tree as it was with p_size leaves: what both proofs of RFC 6962 consist of. From a
-- leaf it is an inclusion proof; from the last complete subtree of an older tree, a consistency proof.
--
-- The tree of n leaves has at each height (n >> height) complete subtrees, and to their right at most one that is not complete: what is left
-- of all lower heights. Siblings are read in blocks of 256, a statement for every eight levels.

CREATE OR REPLACE FUNCTION audit.subtree_path(
    p_tenant_id text, p_epoch int, p_height int, p_index bigint, p_size bigint,
    OUT subtree bytea, OUT hashes bytea[], OUT on_left boolean[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_edge     bytea[] := audit.tree_edge(p_tenant_id, p_epoch, p_size);
    v_rest     bytea;              -- what is left of the lower heights; NULL: nothing
    v_at       bigint := p_index;  -- the subtree that we are in; NULL: in what is left
    v_block    bytea;              -- complete subtrees around it
    v_first    bigint;             -- the index of the first of them
    v_count    bigint;             -- how many complete ones there are
    v_below    int;                -- heights between this one and the stored one below it
BEGIN
    hashes := '{}';
    on_left := '{}';
    FOR v_height IN 0 .. cardinality(v_edge) - 1 LOOP
        v_count := p_size >> v_height;
        IF v_height >= p_height AND v_at IS NOT NULL THEN
            IF v_height = p_height OR v_height % 8 = 0 THEN
                v_below := v_height % 8;
                v_first := v_at >> (8 - v_below) << (8 - v_below);
                v_block := audit.block_hashes(
                    p_tenant_id, p_epoch, v_height / 8, v_first << v_below,
                    least(v_first + (256 >> v_below), v_count) << v_below);
                FOR n IN 1 .. v_below LOOP
                    v_block := audit.parent_hashes(v_block);
                END LOOP;
            END IF;
            IF v_height = p_height THEN
                subtree := substr(v_block, (32 * (v_at - v_first))::int + 1, 32);
            END IF;
            IF (v_at # 1) < v_count THEN
                hashes := hashes || substr(v_block, (32 * ((v_at # 1) - v_first))::int + 1, 32);
                on_left := on_left || (v_at % 2 = 1);
                v_at := v_at >> 1;
            ELSE
                -- The last complete one has no sibling but the rest, and with it becomes the rest of the next height.
                IF v_rest IS NOT NULL THEN
                    hashes := hashes || v_rest;
                    on_left := on_left || false;
                END IF;
                v_at := NULL;
            END IF;
            v_block := audit.parent_hashes(v_block);
            v_first := v_first >> 1;
        ELSIF v_height >= p_height AND v_edge[v_height + 1] IS NOT NULL THEN
            hashes := hashes || v_edge[v_height + 1];
            on_left := on_left || true;
        END IF;
        v_rest := CASE WHEN v_edge[v_height + 1] IS NULL THEN v_rest
                       WHEN v_rest IS NULL THEN v_edge[v_height + 1]
                       ELSE sha256(decode('01', 'hex') || v_edge[v_height + 1] || v_rest) END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.subtree_path IS
    'subtree: the hash of the 2^p_height leaves from p_index * 2^p_height on, which the tree of p_size leaves holds whole; hashes: its siblings '
    'from there to the root; on_left: whether each stands on the left. RF009 when the stored tree lacks a hash. Runs as its caller; the policies '
    'decide.';
REVOKE ALL ON FUNCTION audit.subtree_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.subtree_path TO audit_trusted;
