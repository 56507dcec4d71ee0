-- The tree of a tenant and epoch, or the reason why there is none: what a caller is told who asks for a proof of it.

CREATE OR REPLACE FUNCTION audit.required_tree(p_tenant_id text, p_epoch int, OUT epoch int, OUT size bigint)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT t.epoch, t.size
    INTO required_tree.epoch, required_tree.size
    FROM audit.trees AS t
    WHERE t.tenant_id = p_tenant_id AND (p_epoch IS NULL OR t.epoch = p_epoch)
    ORDER BY t.epoch DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    -- A caller that has set an unregistered name must not conclude that its records were never sealed.
    IF NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    ELSIF EXISTS (SELECT FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id) OR p_epoch <> 1 THEN
        RAISE EXCEPTION 'there is no such epoch' USING ERRCODE = 'RF003', COLUMN = 'epoch';
    END IF;
    RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'no record of the tenant is sealed yet',
        HINT = 'Records are sealed within seconds, once the transactions that began before them have ended. Try again.';
END
$$;

COMMENT ON FUNCTION audit.required_tree IS
    'Epoch and size of the tenant''s tree of this epoch; NULL: of its newest. RF002 when the tenant is not registered, RF003 when it has no '
    'such epoch, RF010 when nothing is sealed yet. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.required_tree FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.required_tree TO audit_trusted;
