-- What there is to sign: the head of every tenant's tree, and the size that is signed. For the signer's process, which reads no record.

CREATE OR REPLACE FUNCTION audit.list_tree_heads()
RETURNS TABLE (tenant_id text, epoch int, size bigint, root bytea, checkpoint_size bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    -- What the owner's policies ask for. One query for all tenants: entering each of ten thousand takes half a second, and the signer
    -- asks every few.
    PERFORM set_config('app.scope', 'sign', true);
    RETURN QUERY
        SELECT head.tenant_id, head.epoch, head.size, head.root, head.signed_size
        FROM (
            SELECT t.tenant_id, t.epoch, t.size, t.root,
                   NOT EXISTS (SELECT FROM audit.trees AS n WHERE n.tenant_id = t.tenant_id AND n.epoch > t.epoch) AS is_newest,
                   (SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = t.tenant_id AND c.epoch = t.epoch) AS signed_size
            FROM audit.trees AS t) AS head
        WHERE head.size > 0 AND (head.is_newest OR head.signed_size IS DISTINCT FROM head.size)
        ORDER BY head.tenant_id, head.epoch;
    -- What is signed must be on the disk before the signer remembers it, or a crash leaves a head in its memory that the database has lost,
    -- and the tree is refused for good. The session that sealed may have set synchronous_commit off. So where there is something to sign,
    -- this transaction writes, and its commit waits for all that was committed before it. An idle database writes nothing.
    IF EXISTS (SELECT FROM audit.trees AS t
               WHERE t.size > 0 AND NOT EXISTS (SELECT FROM audit.checkpoints AS c
                                                WHERE c.tenant_id = t.tenant_id AND c.epoch = t.epoch AND c.size = t.size)) THEN
        IF current_setting('synchronous_commit') IN ('off', 'local') THEN
            PERFORM set_config('synchronous_commit', 'on', true);
        END IF;
        PERFORM pg_logical_emit_message(true, 'ringfence', '');
    END IF;
    PERFORM set_config('app.scope', '', true);
END
$$;

COMMENT ON FUNCTION audit.list_tree_heads IS
    'Size and root of the newest epoch of every tenant, and of earlier epochs whose last head is not signed; checkpoint_size: the size of the '
    'newest checkpoint of that epoch, NULL: none. Epochs without a leaf are left out. When its transaction has committed, the heads that are not signed are on the disk. SECURITY DEFINER: audit_signer reads no table, and '
    'signs for all tenants.';
REVOKE ALL ON FUNCTION audit.list_tree_heads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.list_tree_heads TO audit_signer;
