-- The tenant that a key has proven, as a whole, for this transaction and this scope. The policies of audit_keyed compare it with the tenant of
-- the row. It returns the same value that it checked: app.tenant_id can change in the middle of a statement.

CREATE OR REPLACE FUNCTION audit.proven_tenant(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    -- Any session can set all three to any text. Only the comparison of the proofs decides, and nothing is cast
    -- before it. No regular expression: it would cost more than all the rest.
    v_tenant_id text   := current_setting('app.tenant_id', true);
    v_scopes    text   := current_setting('app.scopes', true);
    v_parts     text[] := string_to_array(current_setting('app.proof', true), ':');   -- secret, key, entered, proof
BEGIN
    IF p_scope = ANY (string_to_array(v_scopes, ','))
       -- Without a restriction: what shows a part of a tenant is no proof of the whole.
       AND v_parts[4] = audit.tenant_proof(v_parts[1], v_tenant_id, v_scopes, v_parts[2], '', v_parts[3])
    THEN
        -- Genuine. But a revoked or expired key must lose its hold within five seconds, in a transaction that stays open. An
        -- error, since no rows would look like an empty trail.
        IF abs(extract(epoch FROM clock_timestamp()) - v_parts[3]::numeric) > 5 THEN
            RAISE EXCEPTION 'the proof of the tenant has expired' USING ERRCODE = 'RF001',
                HINT = 'Call audit.enter_tenant() in the same transaction, at most five seconds before.';
        END IF;
        RETURN v_tenant_id;
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.proven_tenant IS
    'The tenant for which app.proof is what audit.enter_tenant() made in this transaction, with this scope. NULL when there is none, '
    'whatever was set, and for a key that shows a part of its tenant; RF001 when it was made more than five seconds ago. Policies ask once a statement. PARALLEL RESTRICTED, as '
    'audit.transaction_identity(). SECURITY DEFINER: it reads the secret.';
REVOKE ALL ON FUNCTION audit.proven_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.proven_tenant TO audit_keyed, audit_keeper;
