-- The proof of RFC 6962 (2.1.1) that a leaf is in the tree of p_size leaves, and the root that it leads to.

CREATE OR REPLACE FUNCTION audit.inclusion_path(
    p_tenant_id text, p_epoch int, p_index bigint, p_size bigint, OUT root bytea, OUT hashes bytea[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_first bigint := 0;        -- the subtree that the leaf is in, smaller at each step
    v_end   bigint := p_size;
    v_half  bigint := 1;        -- the greatest power of two below its size: how many leaves its left part has
    v_left  boolean[] := '{}';  -- from the root down, like hashes: is the sibling on the left?
BEGIN
    hashes := '{}';
    WHILE v_half * 2 < p_size LOOP
        v_half := v_half * 2;
    END LOOP;
    WHILE v_end - v_first > 1 LOOP
        WHILE v_half >= v_end - v_first LOOP
            v_half := v_half / 2;
        END LOOP;
        IF p_index < v_first + v_half THEN
            hashes := hashes || audit.range_hash(p_tenant_id, p_epoch, v_first + v_half, v_end);
            v_left := v_left || false;
            v_end := v_first + v_half;
        ELSE
            hashes := hashes || audit.range_hash(p_tenant_id, p_epoch, v_first, v_first + v_half);
            v_left := v_left || true;
            v_first := v_first + v_half;
        END IF;
    END LOOP;

    root := audit.subtree_hash(p_tenant_id, p_epoch, 0, p_index);
    FOR n IN REVERSE cardinality(hashes) .. 1 LOOP
        root := sha256(decode('01', 'hex') || CASE WHEN v_left[n] THEN hashes[n] || root ELSE root || hashes[n] END);
    END LOOP;
    -- A proof begins at the leaf.
    hashes := ARRAY(SELECT hashes[n] FROM generate_series(cardinality(hashes), 1, -1) AS n);
END
$$;

COMMENT ON FUNCTION audit.inclusion_path IS
    'hashes: the proof that leaf p_index is in the tree of the first p_size leaves, from the leaf to the root, for 0 <= p_index < p_size. '
    'root: what it leads to. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.inclusion_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.inclusion_path TO audit_trusted;
