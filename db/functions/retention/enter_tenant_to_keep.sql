-- Enters a tenant under scopes that no key has, for the functions of audit_keeper: keep, to prune and erase its records, and seal, to put
-- the statement of it into the tenant's tree. They leave it with audit.leave_tenant(); an error undoes it.

CREATE OR REPLACE FUNCTION audit.enter_tenant_to_keep(p_tenant_id text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    -- As in audit.enter_tenant(), which says why.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a tenant is entered in a transaction that is READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- A name that is misspelled must not look like a tenant without records.
    IF NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;
    PERFORM audit.set_proven_tenant(s.id::text, p_tenant_id, 'keep,seal', '', '') FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL;
    -- What the owner's policies ask for.
    PERFORM set_config('app.scope', 'keep', true);
END
$$;

COMMENT ON FUNCTION audit.enter_tenant_to_keep IS
    'Proves the tenant for this transaction with the scopes keep and seal, which no key has, for five seconds. RF002 when it is not registered, '
    '25000 when the transaction is not READ COMMITTED. Nobody but audit_owner and audit_keeper may call it. SECURITY DEFINER: it reads the secret.';
REVOKE ALL ON FUNCTION audit.enter_tenant_to_keep FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.enter_tenant_to_keep TO audit_keeper;
