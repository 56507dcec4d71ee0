-- The root of a tenant's tree as it was with p_size leaves.

CREATE OR REPLACE FUNCTION audit.root_of_size(p_tenant_id text, p_epoch int, p_size bigint)
RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_edge bytea[] := audit.tree_edge(p_tenant_id, p_epoch, p_size);
BEGIN
    RETURN audit.tree_root(coalesce((
        SELECT string_agg(v_edge[height], ''::bytea) FROM generate_series(cardinality(v_edge), 1, -1) AS height), ''));
END
$$;

COMMENT ON FUNCTION audit.root_of_size IS
    'RFC 6962 root of the first p_size leaves; of none, the SHA-256 of nothing. RF009 when the stored tree lacks a hash. Runs as its caller; the '
    'policies decide.';
REVOKE ALL ON FUNCTION audit.root_of_size FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.root_of_size TO audit_trusted;
