-- Enters the tenant of a tree for the signer's functions, and returns the tree's size, or says why there is no such tree.

CREATE OR REPLACE FUNCTION audit.enter_tree_to_sign(p_tenant_id text, p_epoch int)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_epoch IS NULL THEN   -- audit.required_tree() would take the newest
        RAISE EXCEPTION 'there is no such epoch' USING ERRCODE = 'RF003', COLUMN = 'epoch';
    END IF;
    PERFORM audit.enter_tenant_to_sign(p_tenant_id);
    RETURN (audit.required_tree(p_tenant_id, p_epoch)).size;
END
$$;

COMMENT ON FUNCTION audit.enter_tree_to_sign IS
    'Does what audit.enter_tenant_to_sign() does, and returns the size of the tenant''s tree of this epoch. RF002 when the tenant is not '
    'registered, RF003 when it has no such epoch, RF010 when nothing is sealed yet. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.enter_tree_to_sign FROM PUBLIC;
