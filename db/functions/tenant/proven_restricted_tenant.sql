-- The tenant of which a key has proven a part, for this transaction and this scope: audit.proven_tenant() for keys with a restriction. The
-- owner's policies for them compare it with the tenant of the row, and the row with what audit.proven_restriction() gives.

CREATE OR REPLACE FUNCTION audit.proven_restricted_tenant(p_scope text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- As in audit.proven_tenant(): any session can set all four to any text.
    v_tenant_id   text   := current_setting('app.tenant_id', true);
    v_scopes      text   := current_setting('app.scopes', true);
    v_restriction text   := current_setting('app.restriction', true);
    v_parts       text[] := string_to_array(current_setting('app.proof', true), ':');   -- secret, key, entered, proof
BEGIN
    IF p_scope = ANY (string_to_array(v_scopes, ',')) AND v_restriction <> ''
       AND v_parts[4] = audit.tenant_proof(v_parts[1], v_tenant_id, v_scopes, v_parts[2], v_restriction, v_parts[3])
    THEN
        IF abs(extract(epoch FROM clock_timestamp()) - v_parts[3]::numeric) > 5 THEN
            RAISE EXCEPTION 'the proof of the tenant has expired' USING ERRCODE = 'RF001',
                HINT = 'Call audit.enter_tenant() in the same transaction, at most five seconds before.';
        END IF;
        RETURN v_tenant_id;
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.proven_restricted_tenant IS
    'The tenant for which app.proof is what audit.enter_tenant() made in this transaction for a key with this scope and the restriction '
    'in app.restriction. NULL when there is none, whatever was set, and for a key without a restriction; RF001 when it was made more than '
    'five seconds ago. PARALLEL RESTRICTED, as audit.transaction_identity(). Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.proven_restricted_tenant FROM PUBLIC;
