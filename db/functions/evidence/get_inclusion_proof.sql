-- The proof that a record of the transaction's tenant is in its tree (c2sp.org/tlog-proof), with the signed checkpoint that it leads
-- to. Verified with what audit.get_leaf() returns. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.get_inclusion_proof(p_id uuid, p_size bigint DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id  text := audit.required_tenant('read');
    v_leaf       record;
    v_checkpoint record;
    v_path       record;
BEGIN
    IF NOT has_any_column_privilege('audit.seals', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.get_proven_inclusion_proof(p_id, p_size);
    END IF;
    v_leaf := audit.leaf_of_record(v_tenant_id, p_id);
    IF v_leaf.epoch IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT c.size, c.root, c.note
    INTO v_checkpoint
    FROM audit.checkpoints AS c
    WHERE c.tenant_id = v_tenant_id AND c.epoch = v_leaf.epoch AND (p_size IS NULL OR c.size = p_size)
    ORDER BY c.size DESC LIMIT 1;
    IF NOT FOUND AND p_size IS NOT NULL THEN
        RAISE EXCEPTION 'no checkpoint has this size' USING ERRCODE = 'RF003', COLUMN = 'size',
            HINT = 'Without a size the proof leads to the latest checkpoint.';
    ELSIF v_checkpoint.size <= v_leaf.leaf_index AND p_size IS NOT NULL THEN
        RAISE EXCEPTION 'the checkpoint of this size is older than the record''s leaf' USING ERRCODE = 'RF003', COLUMN = 'size',
            HINT = 'Without a size the proof leads to the latest checkpoint.';
    ELSIF NOT FOUND OR v_checkpoint.size <= v_leaf.leaf_index THEN
        RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'the record is sealed, and no checkpoint covers it yet',
            HINT = 'Checkpoints are signed within seconds while the signer runs. Try again.';
    END IF;

    v_path := audit.inclusion_path(v_tenant_id, v_leaf.epoch, v_leaf.leaf_index, v_checkpoint.size);
    -- A proof that leads elsewhere would be refused by the verifier, which could not say that the fault lies here.
    IF v_path.root <> v_checkpoint.root THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009',
            DETAIL = format('epoch %s has another root at size %s than was signed', v_leaf.epoch, v_checkpoint.size);
    END IF;
    RETURN concat(
        E'c2sp.org/tlog-proof@v1\nindex ', v_leaf.leaf_index, E'\n',
        (SELECT string_agg(encode(hash, 'base64') || E'\n', '') FROM unnest(v_path.hashes) AS hash), E'\n', v_checkpoint.note);
END
$$;

COMMENT ON FUNCTION audit.get_inclusion_proof IS
    'The proof (c2sp.org/tlog-proof@v1) that the record of the transaction''s tenant with this id is in the tree of the latest checkpoint of '
    'its epoch, or that of p_size; NULL when the tenant has no such record, also when another tenant has it. RF001 when no tenant is set or '
    'proven, RF002 when it is not registered, RF003 when no checkpoint of that size holds the record, RF006 when the key may not read, RF009 '
    'when the stored tree does not have the signed root, RF010 when the record is not sealed, or not signed, yet.';
REVOKE ALL ON FUNCTION audit.get_inclusion_proof FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_inclusion_proof TO audit_trusted, audit_keyed;
