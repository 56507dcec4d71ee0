-- The proof of RFC 6962 (2.1.1) that a leaf is in the tree of p_size leaves, and the root that it leads to.

CREATE OR REPLACE FUNCTION audit.inclusion_path(
    p_tenant_id text, p_epoch int, p_index bigint, p_size bigint, OUT root bytea, OUT hashes bytea[])
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_path record := audit.subtree_path(p_tenant_id, p_epoch, 0, p_index, p_size);
BEGIN
    hashes := v_path.hashes;
    root := v_path.subtree;
    FOR n IN 1 .. cardinality(hashes) LOOP
        root := sha256(decode('01', 'hex') || CASE WHEN v_path.on_left[n] THEN hashes[n] || root ELSE root || hashes[n] END);
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.inclusion_path IS
    'hashes: the proof that leaf p_index is in the tree of the first p_size leaves, from the leaf to the root, for 0 <= p_index < p_size. '
    'root: what it leads to. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.inclusion_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.inclusion_path TO audit_trusted;
