-- The tenant that a key has proven, for the functions that go on as the owner: where nothing is proven, the owner's policies would
-- show nothing, and a caller must not mistake that for an empty trail or a record that is not there. A key that shows a part of the
-- tenant is refused: an event, a leaf or a proof tells of records outside of it.

CREATE OR REPLACE FUNCTION audit.required_proven_tenant(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.proven_tenant(p_scope);
BEGIN
    IF v_tenant_id IS NULL AND audit.proven_restricted_tenant(p_scope) IS NOT NULL THEN
        RAISE EXCEPTION 'the key may not do that: it shows a part of the records, which it lists, counts, gets and exports'
            USING ERRCODE = 'RF006';
    ELSIF v_tenant_id IS NULL THEN
        RAISE EXCEPTION 'no tenant is proven for this statement' USING ERRCODE = 'RF001',
            HINT = 'Call audit.enter_tenant() in the same transaction, at most five seconds before.';
    END IF;
    RETURN v_tenant_id;
END
$$;

COMMENT ON FUNCTION audit.required_proven_tenant IS
    'The tenant that a key with this scope has proven for this transaction. RF001 when none has, RF006 when the key shows a part of the '
    'tenant alone. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.required_proven_tenant FROM PUBLIC;
