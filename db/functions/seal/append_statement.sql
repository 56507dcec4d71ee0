-- Appends a statement about a tree to it: a leaf that has a line of its own and is no record's.

CREATE OR REPLACE FUNCTION audit.append_statement(p_tenant_id text, p_epoch int, p_line text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_size bigint := audit.intact_size(p_tenant_id, p_epoch);
    v_hash bytea  := sha256(decode('00', 'hex') || convert_to(p_line, 'UTF8'));
BEGIN
    INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line) VALUES (p_tenant_id, p_epoch, v_size, v_hash, p_line);
    PERFORM audit.append_leaves(p_tenant_id, p_epoch, v_hash);
END
$$;

COMMENT ON FUNCTION audit.append_statement IS
    'Appends a statement to a tree of the tenant that is proven with the scope seal. RF009 when the tree contradicts itself. The caller has '
    'locked the tree. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.append_statement FROM PUBLIC;
