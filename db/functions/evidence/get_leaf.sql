-- What a record of the transaction's tenant is sealed as: the line that its leaf is the hash of, and its private line. Verified with what
-- audit.get_inclusion_proof() returns. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.get_leaf(p_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
    v_leaf      record;
    v_page      record;
BEGIN
    IF NOT has_any_column_privilege('audit.seals', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.get_proven_leaf(p_id);
    END IF;
    v_leaf := audit.leaf_of_record(v_tenant_id, p_id);
    IF v_leaf.epoch IS NULL THEN
        RETURN NULL;
    END IF;
    -- As in an evidence bundle, made from the record as it stands now.
    v_page := audit.evidence_page(v_tenant_id, v_leaf.epoch, v_leaf.leaf_index, v_leaf.leaf_index + 1);
    IF v_page.records = 0 THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009', DETAIL = 'the record was sealed, and its row is gone';
    END IF;
    RETURN v_page.text;
END
$$;

COMMENT ON FUNCTION audit.get_leaf IS
    'The leaf''s line of the record of the transaction''s tenant with this id, and its private line unless that was erased, each with a line break; NULL when the '
    'tenant has no such record, also when another tenant has it. RF001 when no tenant is set or proven, RF002 when it is not registered, RF006 '
    'when the key may not read, RF009 when the record was sealed and is gone, RF010 when it is not sealed yet.';
REVOKE ALL ON FUNCTION audit.get_leaf FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_leaf TO audit_trusted, audit_keyed;
