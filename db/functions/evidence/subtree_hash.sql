-- The hash of a complete, aligned subtree of a tenant's tree: 2^height leaves, of which the first has the index p_index * 2^height.
-- Every eighth level is stored, so at most 128 hashes are read, and folded.

CREATE OR REPLACE FUNCTION audit.subtree_hash(p_tenant_id text, p_epoch int, p_height int, p_index bigint)
RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_fold   int := p_height % 8;
    v_hashes bytea := audit.block_hashes(p_tenant_id, p_epoch, p_height / 8, p_index << v_fold, (p_index + 1) << v_fold);
BEGIN
    FOR n IN 1 .. v_fold LOOP
        v_hashes := audit.parent_hashes(v_hashes);
    END LOOP;
    RETURN v_hashes;
END
$$;

COMMENT ON FUNCTION audit.subtree_hash IS
    'RFC 6962 hash of the 2^p_height leaves from p_index * 2^p_height on. RF009 when the stored tree lacks one of the hashes that it '
    'takes. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.subtree_hash FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.subtree_hash TO audit_trusted;
