-- A signed checkpoint of the transaction's tenant, as the signer stored it. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.get_checkpoint(p_epoch int DEFAULT NULL, p_size bigint DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
    v_note      text;
BEGIN
    IF NOT has_any_column_privilege('audit.checkpoints', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.get_proven_checkpoint(p_epoch, p_size);
    END IF;

    SELECT c.note
    INTO v_note
    FROM audit.checkpoints AS c
    WHERE c.tenant_id = v_tenant_id AND (p_epoch IS NULL OR c.epoch = p_epoch) AND (p_size IS NULL OR c.size = p_size)
    ORDER BY c.epoch DESC, c.size DESC LIMIT 1;
    IF FOUND THEN
        RETURN v_note;
    END IF;

    -- The reason, from the most particular to the least.
    PERFORM audit.required_tree(v_tenant_id, p_epoch);
    IF p_size IS NOT NULL THEN
        RAISE EXCEPTION 'no checkpoint has this size' USING ERRCODE = 'RF003', COLUMN = 'size',
            HINT = 'audit.get_checkpoint() without a size returns the latest one.';
    END IF;
    RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'no checkpoint is signed yet',
        HINT = 'Records are sealed and signed within seconds while the signer runs. Try again.';
END
$$;

COMMENT ON FUNCTION audit.get_checkpoint IS
    'The newest checkpoint of the transaction''s tenant, or the newest with this epoch and size: a C2SP signed note. RF001 when no tenant '
    'is set or proven, RF002 when it is not registered, RF003 when it has no such epoch or no checkpoint of this size, RF006 when the key '
    'may not read, RF010 when none is signed yet.';
REVOKE ALL ON FUNCTION audit.get_checkpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.get_checkpoint TO audit_trusted, audit_keyed;
