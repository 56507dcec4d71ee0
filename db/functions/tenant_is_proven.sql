-- Has a key proven this tenant, for this transaction and with this scope? The policies of audit_keyed ask it of the tenant
-- of each row. Not of app.tenant_id: a statement can change that between the condition of an index and this call, and what
-- the index found under one name would then be shown for the proof of another.

CREATE OR REPLACE FUNCTION audit.tenant_is_proven(p_tenant_id text, p_scope text)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Both can be set by anybody to anything. Only the comparison of the proofs decides, and nothing is cast
    -- before it. No regular expression: it would cost more than all the rest.
    v_scopes text   := current_setting('app.scopes', true);
    v_parts  text[] := string_to_array(current_setting('app.proof', true), ':');
BEGIN
    IF p_tenant_id IS NOT NULL   -- which concat_ws() would skip
       AND p_scope = ANY (string_to_array(v_scopes, ','))
       AND v_parts[4] = (
            SELECT encode(sha256(s.outer_key || sha256(s.inner_key || convert_to(concat_ws('|',
                p_tenant_id, v_scopes, v_parts[2], v_parts[3], audit.transaction_identity()), 'UTF8'))), 'hex')
            FROM audit.proof_secrets AS s
            WHERE s.id::text = v_parts[1])
    THEN
        -- Genuine. But a revoked or expired key loses its hold within five seconds even in a transaction that stays
        -- open, and what was entered under a savepoint is gone when that is rolled back.
        RETURN extract(epoch FROM statement_timestamp()) - v_parts[3]::numeric <= 5
           AND pg_xact_status(v_parts[2]::xid8) = 'in progress';
    END IF;
    RETURN false;
END
$$;

COMMENT ON FUNCTION audit.tenant_is_proven IS
    'Whether app.proof is what audit.enter_tenant() made in this transaction, for this tenant and with this scope, at most '
    'five seconds before this statement. Never an error, whatever was set. SECURITY DEFINER: it reads the secret.';
REVOKE ALL ON FUNCTION audit.tenant_is_proven FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.tenant_is_proven TO audit_keyed;
