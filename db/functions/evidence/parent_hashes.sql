-- The next level of a Merkle tree: of hashes that stand beside each other, each two become one. The last of an odd number is left out.

CREATE OR REPLACE FUNCTION audit.parent_hashes(p_hashes bytea)
RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- generate_series() keeps its order, and nothing stands between it and the aggregate.
    RETURN (
        SELECT coalesce(string_agg(sha256(decode('01', 'hex') || substr(p_hashes, 64 * pair + 1, 64)), ''::bytea), '')
        FROM generate_series(0, octet_length(p_hashes) / 64 - 1) AS pair);
END
$$;

COMMENT ON FUNCTION audit.parent_hashes IS
    'The RFC 6962 hashes of each two of these, 32 bytes each, from the left.';
REVOKE ALL ON FUNCTION audit.parent_hashes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.parent_hashes TO audit_trusted;
