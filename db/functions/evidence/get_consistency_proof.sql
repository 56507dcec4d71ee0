-- The proof that a tenant's tree of one size goes on where that of a smaller size has ended. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.get_consistency_proof(p_from bigint, p_to bigint, p_epoch int DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
    v_tree      record;
    v_path      record;
BEGIN
    IF NOT has_any_column_privilege('audit.trees', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.get_proven_consistency_proof(p_from, p_to, p_epoch);
    END IF;
    v_tree := audit.required_tree(v_tenant_id, p_epoch);
    IF p_to IS NULL OR p_to NOT BETWEEN 1 AND v_tree.size THEN
        RAISE EXCEPTION 'to is a size from 1 to that of the tree' USING ERRCODE = 'RF003', COLUMN = 'to';
    ELSIF p_from IS NULL OR p_from NOT BETWEEN 1 AND p_to THEN
        RAISE EXCEPTION 'from is a size from 1 to that of to' USING ERRCODE = 'RF003', COLUMN = 'from';
    END IF;

    v_path := audit.consistency_path(v_tenant_id, v_tree.epoch, p_from, p_to);
    RETURN concat(
        '{"tenant_id":', to_json(v_tenant_id), ',"epoch":', v_tree.epoch, ',"from":', p_from, ',"to":', p_to,
        ',"from_root":"', encode(v_path.from_root, 'base64'), '","to_root":"', encode(v_path.to_root, 'base64'),
        '","hashes":[', (SELECT string_agg(concat('"', encode(hash, 'base64'), '"'), ',') FROM unnest(v_path.hashes) AS hash), ']}');
END
$$;

COMMENT ON FUNCTION audit.get_consistency_proof IS
    'The RFC 6962 consistency proof between two sizes of the tree of the transaction''s tenant, of this epoch or its newest, as JSON: '
    'tenant_id, epoch, from, to, from_root, to_root, hashes; hashes in base64. RF001 when no tenant is set or proven, RF002 when it is not '
    'registered, RF003 when a size or the epoch is refused, RF006 when the key may not read, RF009 when the stored tree contradicts itself, '
    'RF010 when nothing is sealed yet.';
REVOKE ALL ON FUNCTION audit.get_consistency_proof FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_consistency_proof TO audit_trusted, audit_keyed;
