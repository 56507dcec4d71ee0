-- The first tree of a tenant, empty. What seals its first records makes it, and what must lock it before anything is sealed.

CREATE OR REPLACE FUNCTION audit.begin_tree(p_tenant_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, sealed_xid, sealed_id, began_at)
    SELECT p_tenant_id, 1, 0, audit.tree_root(''), '', first.xid, first.id, clock_timestamp()
    FROM (VALUES (NULL::xid8, NULL::uuid, true), ('0', '00000000-0000-0000-0000-000000000000', false)) AS first (xid, id, has_history)
    -- Records without a number come first.
    WHERE first.has_history = EXISTS (
        SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NULL)
    ON CONFLICT ON CONSTRAINT trees_pkey DO NOTHING;   -- another transaction has made it meanwhile
END
$$;

COMMENT ON FUNCTION audit.begin_tree IS
    'Makes the empty tree of the first epoch of the tenant that is proven with the scope seal; waits for another transaction that is making it. '
    'Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.begin_tree FROM PUBLIC;
