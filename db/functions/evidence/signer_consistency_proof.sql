-- What the signer verifies before it signs: that the tree goes on where the last head that it signed has ended.

CREATE OR REPLACE FUNCTION audit.signer_consistency_proof(p_tenant_id text, p_epoch int, p_from bigint, p_to bigint)
RETURNS bytea[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_size   bigint;
    v_hashes bytea[];
BEGIN
    v_size := audit.enter_tree_to_sign(p_tenant_id, p_epoch);
    IF p_to IS NULL OR p_to NOT BETWEEN 1 AND v_size THEN
        RAISE EXCEPTION 'to is a size from 1 to that of the tree' USING ERRCODE = 'RF003', COLUMN = 'to';
    ELSIF p_from IS NULL OR p_from NOT BETWEEN 1 AND p_to THEN
        RAISE EXCEPTION 'from is a size from 1 to that of to' USING ERRCODE = 'RF003', COLUMN = 'from';
    END IF;
    v_hashes := (audit.consistency_path(p_tenant_id, p_epoch, p_from, p_to)).hashes;
    PERFORM audit.leave_tenant();
    RETURN v_hashes;
END
$$;

COMMENT ON FUNCTION audit.signer_consistency_proof IS
    'The RFC 6962 consistency proof between two sizes of a tenant''s tree. RF002 when the tenant is not registered, RF003 when the epoch or a '
    'size is refused, RF009 when the stored tree lacks a hash. SECURITY DEFINER: audit_signer reads no table, and signs for all tenants.';
REVOKE ALL ON FUNCTION audit.signer_consistency_proof FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.signer_consistency_proof TO audit_signer;
