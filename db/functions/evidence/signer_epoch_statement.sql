-- The statement that an epoch begins with: what the signer compares with the heads that it remembers of the epoch before, since no
-- consistency proof leads from one tree to another. That the statement is the first leaf of a head, the signer finds with
-- audit.signer_consistency_proof() from size 1: a proof in the tree as it is now would not fit the head that was listed before.

CREATE OR REPLACE FUNCTION audit.signer_epoch_statement(p_tenant_id text, p_epoch int)
RETURNS TABLE (line text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    PERFORM audit.enter_tree_to_sign(p_tenant_id, p_epoch);
    IF p_epoch = 1 THEN
        RAISE EXCEPTION 'the first epoch has no statement' USING ERRCODE = 'RF003', COLUMN = 'epoch';
    END IF;
    SELECT s.line INTO line
    FROM audit.seals AS s
    WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch AND s.leaf_index = 0;
    IF line IS NULL THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009', DETAIL = format('epoch %s lacks its statement', p_epoch);
    END IF;
    PERFORM audit.leave_tenant();
    RETURN NEXT;
END
$$;

COMMENT ON FUNCTION audit.signer_epoch_statement IS
    'Leaf 0 of an epoch after the first. RF002 when the tenant is not registered, RF003 when it has no such epoch, or it is the first, RF009 when the '
    'statement is missing. SECURITY DEFINER: audit_signer reads no table, and signs for all tenants.';
REVOKE ALL ON FUNCTION audit.signer_epoch_statement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.signer_epoch_statement TO audit_signer;
