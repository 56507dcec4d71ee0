-- The proof of RFC 6962 (2.1.2) that the tree of p_to leaves goes on where that of p_from has ended, and both roots.

CREATE OR REPLACE FUNCTION audit.consistency_path(
    p_tenant_id text, p_epoch int, p_from bigint, p_to bigint, OUT from_root bytea, OUT to_root bytea, OUT hashes bytea[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_first bigint := 0;        -- the subtree in which the smaller tree ends, smaller at each step
    v_end   bigint := p_to;
    v_half  bigint := 1;        -- the greatest power of two below its size: how many leaves its left part has
    v_left  boolean[] := '{}';  -- from the root down, like hashes: is the hash on the left?
BEGIN
    hashes := '{}';
    WHILE v_half * 2 < p_to LOOP
        v_half := v_half * 2;
    END LOOP;
    WHILE v_end <> p_from LOOP
        WHILE v_half >= v_end - v_first LOOP
            v_half := v_half / 2;
        END LOOP;
        IF p_from <= v_first + v_half THEN
            hashes := hashes || audit.range_hash(p_tenant_id, p_epoch, v_first + v_half, v_end);
            v_left := v_left || false;
            v_end := v_first + v_half;
        ELSE
            hashes := hashes || audit.range_hash(p_tenant_id, p_epoch, v_first, v_first + v_half);
            v_left := v_left || true;
            v_first := v_first + v_half;
        END IF;
    END LOOP;

    -- What both trees have in common, down here: the leaves of the smaller one from v_first on.
    from_root := audit.range_hash(p_tenant_id, p_epoch, v_first, v_end);
    to_root := from_root;
    -- Whoever has the root of the smaller tree has it, when that is the whole of that tree; a proof leaves it out then.
    IF v_first > 0 THEN
        hashes := hashes || from_root;
    END IF;
    FOR n IN REVERSE cardinality(v_left) .. 1 LOOP
        IF v_left[n] THEN
            from_root := sha256(decode('01', 'hex') || hashes[n] || from_root);
            to_root := sha256(decode('01', 'hex') || hashes[n] || to_root);
        ELSE
            to_root := sha256(decode('01', 'hex') || to_root || hashes[n]);
        END IF;
    END LOOP;
    -- A proof begins with the smallest subtree.
    hashes := ARRAY(SELECT hashes[n] FROM generate_series(cardinality(hashes), 1, -1) AS n);
END
$$;

COMMENT ON FUNCTION audit.consistency_path IS
    'hashes: the proof that the tree of the first p_from leaves is a prefix of that of the first p_to, for 1 <= p_from <= p_to; empty when they '
    'are equal. from_root, to_root: what it leads to. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.consistency_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.consistency_path TO audit_trusted;
