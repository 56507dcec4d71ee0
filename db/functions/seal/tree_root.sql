-- The root of a tree from the hashes of its maximal complete subtrees (RFC 6962): each is joined with all that stands to its right.

CREATE OR REPLACE FUNCTION audit.tree_root(p_frontier bytea)
RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count int   := octet_length(p_frontier) / 32;
    v_root  bytea := substr(p_frontier, 32 * v_count - 31);
BEGIN
    IF v_count = 0 THEN
        RETURN sha256(p_frontier);   -- of nothing: the root of an empty tree
    END IF;
    FOR n IN REVERSE v_count - 2 .. 0 LOOP
        v_root := sha256(decode('01', 'hex') || substr(p_frontier, 32 * n + 1, 32) || v_root);
    END LOOP;
    RETURN v_root;
END
$$;

COMMENT ON FUNCTION audit.tree_root IS
    'The root of the tree whose maximal complete subtrees have these hashes, 32 bytes each, from the left.';
REVOKE ALL ON FUNCTION audit.tree_root FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.tree_root TO audit_trusted;
