-- The proof of RFC 6962 (2.1.2) that the tree of p_to leaves goes on where that of p_from has ended, and both roots. The smaller tree ends with
-- a complete subtree, which the larger one holds too: the way from there up joins everything that the two have in common and, on the
-- right, what was added.

CREATE OR REPLACE FUNCTION audit.consistency_path(
    p_tenant_id text, p_epoch int, p_from bigint, p_to bigint, OUT from_root bytea, OUT to_root bytea, OUT hashes bytea[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_height int := 0;   -- of that subtree
    v_path   record;
BEGIN
    IF p_from = p_to THEN
        from_root := audit.root_of_size(p_tenant_id, p_epoch, p_from);
        to_root := from_root;
        hashes := '{}';
        RETURN;
    END IF;

    WHILE (p_from >> v_height) % 2 = 0 LOOP
        v_height := v_height + 1;
    END LOOP;
    v_path := audit.subtree_path(p_tenant_id, p_epoch, v_height, (p_from >> v_height) - 1, p_to);
    from_root := v_path.subtree;
    to_root := from_root;
    FOR n IN 1 .. cardinality(v_path.hashes) LOOP
        IF v_path.on_left[n] THEN
            from_root := sha256(decode('01', 'hex') || v_path.hashes[n] || from_root);
            to_root := sha256(decode('01', 'hex') || v_path.hashes[n] || to_root);
        ELSE
            to_root := sha256(decode('01', 'hex') || to_root || v_path.hashes[n]);
        END IF;
    END LOOP;
    -- The root of the smaller tree is known to the reader. Where that subtree is all of it, a proof leaves it out.
    hashes := CASE WHEN p_from = 1::bigint << v_height THEN v_path.hashes ELSE v_path.subtree || v_path.hashes END;
END
$$;

COMMENT ON FUNCTION audit.consistency_path IS
    'hashes: the proof that the tree of the first p_from leaves is a prefix of that of the first p_to, for 1 <= p_from <= p_to; empty when they '
    'are equal. from_root, to_root: what it leads to. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.consistency_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.consistency_path TO audit_trusted;
